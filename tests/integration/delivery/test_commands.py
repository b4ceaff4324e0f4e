"""``leadgate crm check`` and ``leadgate outbox replay`` as people run them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_adapter.said import Said
from gateway.__main__ import main
from gateway.core.clock import new_id
from gateway.delivery import outbox
from gateway.delivery.settings import CrmSettings
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Outbox
from tests.support.clock import MONDAY

PAYLOAD = {"id": "l-1", "channel": "form", "contact": {"id": "c", "name": "Ivan", "phones": ["+79261234567"]}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with two CRMs, and three deliveries that were made."""
    (tmp_path / "leadgate.toml").write_text(
        f"""[gateway]
data = "{tmp_path}"
[[crm]]
name = "twin"
adapter = "memory"
[[crm]]
name = "dead"
adapter = "webhook"
url = "http://127.0.0.1:9/hook"
allow_private = true
secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
""",
        encoding="utf-8",
    )
    upgrade(StorageSettings(), tmp_path)
    asyncio.run(_seed(tmp_path))
    return tmp_path


async def _seed(folder: Path) -> None:
    store = Store.open(StorageSettings(), folder)
    await store.start()
    twin = CrmSettings(name="twin", adapter="memory")

    def unit(connection: Any) -> None:
        for day in range(3):
            outbox.enqueue(
                connection, [twin], event_type="lead.created", order_key="c", data=PAYLOAD,
                at=MONDAY + timedelta(days=day), new_id=new_id,
            )  # fmt: skip
        connection.execute(update(Outbox).values(state="done", attempts=1))

    await store.write(unit)
    await store.stop()


def run(folder: Path, *argv: str) -> int:
    """The exit code."""
    return main([*argv, "--config", str(folder / "leadgate.toml")])


async def _read(folder: Path, query: Any) -> list[Any]:
    store = Store.open(StorageSettings(), folder)
    await store.start()
    found: list[Any] = await store.read(lambda c: list(c.execute(query).all()))
    await store.stop()
    return found


def test_crm_check_fails_where_a_crm_fails_and_shows_the_newest_lead(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "crm", "check") == 1
    printed = capsys.readouterr()
    assert "OK    crm twin: is told of every event as it is." in printed.out
    assert "FAIL  crm dead: 127.0.0.1 can't be reached" in printed.out
    assert '"+79261234567"' in printed.out
    assert run(folder, "crm", "check", "twin", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["crms"]["twin"]["dry_record"]["data"]["id"] == "l-1"


def test_crm_check_knows_the_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "crm", "check", "twim") == 2
    assert "There is no [[crm]] twim; there are: twin, dead." in capsys.readouterr().err


def test_a_replay_says_how_many_and_is_written_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    since, until = MONDAY.date(), (MONDAY + timedelta(days=1)).date()
    assert run(folder, "outbox", "replay", "--crm", "twin", "--since", f"{since}", "--until", f"{until}T23:00") == 0
    assert "2 will be sent again: twin." in capsys.readouterr().err
    states = asyncio.run(_read(folder, select(Outbox.state).order_by(Outbox.id)))
    assert [row.state for row in states] == ["waiting", "waiting", "done"]
    (deed,) = asyncio.run(_read(folder, select(Audit.actor, Audit.action, Audit.detail)))
    assert (deed.actor, deed.action, deed.detail["count"]) == ("console", "outbox.changed", 2)


@pytest.mark.parametrize(
    "argv",
    [
        ["--since", "yesterday"],
        ["--since", "2026-11-22", "--until", "2026-11-21"],
        ["--since", "2026-11-22", "--state", "waiting"],
        [],
    ],
)
def test_a_replay_without_a_sensible_range_is_wrong_use(folder: Path, argv: list[str]) -> None:
    try:
        code = run(folder, "outbox", "replay", "--crm", "twin", *argv)
    except SystemExit as ended:  # argparse
        code = int(ended.code or 0)
    assert code == 2


def test_a_payload_is_shown_in_part_unless_all_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "outbox", "show", "1", "--json") == 0
    shown = json.loads(capsys.readouterr().out)["payload"]["data"]
    assert (shown["contact"]["name"], shown["contact"]["phones"]) == ("I…", ["+7926…67"])
    assert run(folder, "outbox", "show", "1", "--json", "--full") == 0
    assert json.loads(capsys.readouterr().out)["payload"]["data"] == PAYLOAD


async def _hold(folder: Path) -> None:
    store = Store.open(StorageSettings(), folder)
    await store.start()
    why = Said("%(host)s can't be reached: nothing listens there", host="crm.example.com")
    await store.write(lambda c: outbox.hold_crm(c, "twin", why, MONDAY))
    await store.stop()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ru_RU.UTF-8", "twin остановлена: crm.example.com недоступен"),
        ("C", "twin is on hold: crm.example.com can't be reached: nothing listens there. Then: leadgate outbox"),
    ],
)
def test_why_a_crm_is_on_hold_is_said_in_the_language_of_the_console(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    asyncio.run(_hold(folder))
    monkeypatch.setenv("LC_ALL", language)
    assert run(folder, "outbox", "list") == 0
    assert said in capsys.readouterr().err
    assert run(folder, "outbox", "list", "--json") == 0
    on_hold = json.loads(capsys.readouterr().out)["on_hold"]
    assert on_hold == {"twin": "crm.example.com can't be reached: nothing listens there"}
