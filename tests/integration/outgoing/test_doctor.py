"""The doctor tries each sender and sends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.checkup import checkup
from gateway.config import Settings
from gateway.core.clock import SystemClock
from gateway.core.findings import Finding, Level
from tests.support.ports import free_port
from tests.support.submission import SubmissionServer


async def findings(folder: Path, port: int, password: str = "secret") -> dict[str, Finding]:
    file = folder / "leadgate.toml"
    file.write_text(
        f"""
[web]
public = "127.0.0.1:{free_port()}"
private = "127.0.0.1:{free_port()}"
[smtp]
listen = "127.0.0.1:{free_port()}"
[lmtp]
listen = "127.0.0.1:{free_port()}"
[[sender]]
name = "sales"
host = "127.0.0.1"
port = {port}
tls = "none"
address = "sales@shop.example"
username = "anna"
password = "{password}"
""",
        encoding="utf-8",
    )
    settings = Settings.load(file, {}).with_data(str(folder / "data"))
    return {str(finding.subject).split()[0]: finding async for finding in checkup(settings, SystemClock())}


async def test_a_sender_that_works_is_told(tmp_path: Path) -> None:
    server = await SubmissionServer(username="anna").start()
    found = await findings(tmp_path, server.port)
    assert found["sender"].level is Level.OK
    assert "as anna" in str(found["sender"].said)
    assert str(found["lmtp"].said) == "free; the gateway does not run there now."
    assert server.arrived == []
    await server.stop()


@pytest.mark.parametrize(("away", "words"), [(False, "sign-in of anna"), (True, "refused")])
async def test_a_sender_that_does_not_is_told_with_the_way_out_and_without_its_password(
    tmp_path: Path, away: bool, words: str
) -> None:
    server = await SubmissionServer(username="anna").start()
    found = await findings(tmp_path, free_port() if away else server.port, password="hunter2")
    assert found["sender"].level is Level.FAIL
    assert words in str(found["sender"].said)
    assert "[[sender]] sales" in str(found["sender"].remedy)
    assert "hunter2" not in str(found["sender"].said)
    await server.stop()
