"""SIGTERM under load: the real process ends within ten seconds, with exit code 0, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp

from tests.acceptance.ledger import compare
from tests.acceptance.load import FORM_KEY, FORM_TABLE, Load, names_of
from tests.support.ports import LOOPBACK
from tests.support.process import Api, GatewayProcess, Installation

PROMISED = 10.0
"""Seconds (docs: operations). The unit file of systemd gives more before it kills."""


async def _stop(process: GatewayProcess) -> float:
    """Tell it to stop; how long it took. Raises ProcessFailed when that was longer than promised."""
    began = time.monotonic()
    process.terminate()
    code = await process.ended(PROMISED)
    assert code == 0, process.log_tail()
    return time.monotonic() - began


def _actions(installation: Installation) -> list[str]:
    """The ``action`` of each line of its log."""
    lines = installation.log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line).get("action", "") for line in lines if line.startswith("{")]


async def test_stopped_three_times_under_load_it_loses_nothing(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    async with Load(installation) as load:
        for round_number in range(1, 4):
            process = installation.start()
            await process.ready()
            async with asyncio.timeout(30):
                await load.acknowledged(80 * round_number)
            took = await _stop(process)
            print(f"stop {round_number}: {took:.2f} s, {len(load.ledger.acknowledged)} acknowledged")
        process = installation.start()
        await process.ready()
    try:
        api = Api(installation, installation.new_token())
        await api.settled(30)
        stored = names_of(await api.everything("/api/v1/interactions"))
    finally:
        process.kill()
    verdict = compare(load.ledger, stored)
    assert verdict.kept, verdict
    actions = _actions(installation)
    assert actions.count("stopped") == 3
    assert not {"stop_timeout", "stop_failed"} & set(actions)


async def test_clients_that_do_not_let_go_and_a_second_signal_do_not_disturb_the_stop(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    token = installation.new_token()
    process = installation.start()
    await process.ready()
    try:
        _, half_form = await asyncio.open_connection(LOOPBACK, installation.public)
        half_form.write(f"POST /f/{FORM_KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nname=".encode())
        mail_in, half_mail = await asyncio.open_connection(LOOPBACK, installation.smtp)
        for line in ("EHLO x", "MAIL FROM:<a@customers.example>", "RCPT TO:<sales@example.com>", "DATA"):
            await mail_in.readline()
            half_mail.write(f"{line}\r\n".encode())
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
            events = f"http://{LOOPBACK}:{installation.private}/api/v1/events"
            async with session.get(events) as stream:
                assert stream.status == 200
                process.terminate()
                await asyncio.sleep(0.3)
                print(f"stopped after {await _stop(process):.1f} s")  # an impatient second signal changes nothing
        for writer in (half_form, half_mail):
            writer.close()
    finally:
        process.kill()
