"""What the doctor says of folder, database, listeners and CRMs, beside a running gateway and without one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from gateway.__main__ import main
from gateway.app.checkup import Place, checkup, crm_findings, data_folder, database, free_port, smtp_listener
from gateway.app.gateway import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.core.findings import Finding, Level
from gateway.delivery.settings import CrmSettings
from gateway.demo.pbx import PbxServer
from gateway.storage.store import Store
from tests.support.ports import LOOPBACK, free_ports


def settings_for(folder: Path, **more: str) -> Settings:
    web, smtp = free_ports(2)
    environ = {
        "LEADGATE_GATEWAY__DATA": str(folder),
        "LEADGATE_WEB__PUBLIC": f"{LOOPBACK}:{web}",
        "LEADGATE_WEB__PRIVATE": f"{LOOPBACK}:{web}",
        "LEADGATE_SMTP__LISTEN": f"{LOOPBACK}:{smtp}",
    }
    return Settings.load(None, environ | more)


async def all_findings(settings: Settings) -> list[Finding]:
    return [finding async for finding in checkup(settings, SystemClock())]


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


async def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    findings = await all_findings(settings_for(folder))
    assert levels(findings) == [Level.OK, Level.NOTE, Level.OK, Level.OK]
    assert "does not exist yet" in str(findings[1].said)
    assert "free" in str(findings[2].said)
    assert not folder.exists()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings_for(tmp_path), SystemClock(), new_id)
    await gateway.start()
    yield gateway
    await gateway.stop()


async def test_beside_a_running_gateway_its_own_listeners_are_recognised(running: Gateway) -> None:
    findings = await all_findings(running.settings)
    assert Level.FAIL not in levels(findings), findings
    said = " ".join(str(finding.said) for finding in findings)
    assert "our gateway answers" in said
    assert "our listener greets" in said
    assert "answers and takes writes" in said


async def test_a_pbx_of_the_configuration_is_examined(tmp_path: Path) -> None:
    pbx = PbxServer(username="leadgate", secret="hunter2", clock=SystemClock())
    await pbx.start()
    table = {"name": "office", "host": LOOPBACK, "port": pbx.port, "username": "leadgate", "secret": "hunter2"}
    settings = settings_for(tmp_path, LEADGATE_PBX=json.dumps([table]))
    findings = await all_findings(settings)
    await pbx.stop()
    checked = {str(finding.subject) for finding in findings if finding.level is Level.OK}
    assert {"pbx office: login", "pbx office: Originate", "pbx office: events of calls"} <= checked


def test_a_folder_that_takes_no_files_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (finding,) = data_folder(tmp_path / "file" / "data")
    assert finding.level is Level.FAIL
    assert "[gateway] data" in str(finding.remedy)


async def test_a_database_of_a_newer_version_is_told(store: Store, tmp_path: Path) -> None:
    await store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'")))
    (finding,) = await database(settings_for(tmp_path))
    assert finding.level is Level.FAIL
    assert "newer version" in str(finding.said)


async def test_a_database_server_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://leadgate:s3cret@{LOOPBACK}:1/leadgate"
    (finding,) = await database(settings_for(tmp_path, LEADGATE_STORAGE__URL=url))
    assert finding.level is Level.FAIL
    assert "s3cret" not in str(finding.said)


async def test_another_program_on_our_ports_is_told(tmp_path: Path) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 postfix ESMTP Postfix\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, LOOPBACK, 0)
    address = f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    settings = settings_for(tmp_path, LEADGATE_WEB__PUBLIC=address, LEADGATE_WEB__PRIVATE=address)
    web = [finding for finding in await all_findings(settings) if str(finding.subject).startswith("web")]
    (smtp,) = await smtp_listener(address)
    server.close()
    await server.wait_closed()
    assert levels([*web, smtp]) == [Level.FAIL, Level.FAIL]
    assert "another program" in str(smtp.said)
    assert "ss -ltnp" in str(smtp.remedy)


def test_an_address_that_is_not_ours_can_not_be_listened_on() -> None:
    place = Place("web public", "192.0.2.1:0", "[web] public")
    assert free_port(place, "192.0.2.1", 0).level is Level.FAIL
    with socket.create_server((LOOPBACK, 0)) as taken:
        finding = free_port(place, LOOPBACK, taken.getsockname()[1])
    assert finding.level is Level.FAIL
    assert "[web] public" in str(finding.remedy)


async def test_a_crm_says_how_it_is_itself(tmp_path: Path) -> None:
    (finding,) = await crm_findings(msgspec.convert({"name": "memory", "adapter": "memory"}, CrmSettings), tmp_path)
    assert finding.level is Level.OK
    dead = {"name": "site", "adapter": "webhook", "allow_private": True, "url": f"http://{LOOPBACK}:1/hook"}
    (finding,) = await crm_findings(CrmSettings.from_table(dead | {"secret": "whsec_" + "c2VjcmV0" * 4}), tmp_path)
    assert finding.level is Level.FAIL
    assert "leadgate crm check site" in str(finding.remedy)


def test_the_command_prints_one_line_a_check_and_ends_with_one_when_something_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    web, smtp = free_ports(2)
    monkeypatch.setenv("LEADGATE_WEB__PUBLIC", f"{LOOPBACK}:{web}")
    monkeypatch.setenv("LEADGATE_WEB__PRIVATE", f"{LOOPBACK}:{web}")
    monkeypatch.setenv("LEADGATE_SMTP__LISTEN", f"{LOOPBACK}:{smtp}")
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    said = capsys.readouterr()
    assert [line[:4].strip() for line in said.out.splitlines()] == ["OK", "NOTE", "OK", "OK"]
    assert "3 OK, 1 NOTE" in said.err
    monkeypatch.setenv("LEADGATE_STORAGE__URL", f"postgresql+psycopg://leadgate@{LOOPBACK}:1/leadgate")
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert {"code", "level", "subject", "said", "remedy"} == set(told["findings"][0])
