"""A real call that a real Asterisk records: the sound itself arrives in the CRMs, whole."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.acceptance.office import Office, all_ended
from tests.acceptance.test_crms_end_to_end import crm_table, until
from tests.contract.test_bitrix24 import app_options
from tests.contract.test_espocrm import espocrm_options
from tests.peers.asterisk.scenarios import SCENARIOS
from tests.peers.asterisk.server import AsteriskPair
from tests.support.fakecrm.bitrix24 import FakeBitrix24
from tests.support.fakecrm.espocrm import FakeEspoCrm
from tests.support.receiver import Receiver

pytestmark = pytest.mark.peer("asterisk")
SCENARIO = next(one for one in SCENARIOS if one.name == "recorded")
HEADER = 44
"""Bytes of a WAV file before the sound."""


@pytest.fixture(scope="module")
def pair() -> Iterator[AsteriskPair]:
    """A PBX of this file's own."""
    started = AsteriskPair.start()
    yield started
    started.stop()


async def test_the_recording_of_a_call_arrives_whole_and_once(pair: AsteriskPair, tmp_path: Path) -> None:
    portal, espo, hook = FakeBitrix24(is_app=True), FakeEspoCrm(), Receiver()
    sounds = pair.folder / "pbx/spool/monitor"
    async with AsyncExitStack() as stack:
        for one in (portal, espo, hook):
            await one.start()
            stack.push_async_callback(one.stop)
        crms = [
            crm_table("portal", "bitrix24", app_options(portal)),
            crm_table("espo", "espocrm", espocrm_options(espo)),
            crm_table("hook", "webhook", {"url": hook.url, "secret": hook.secret}),
        ]
        keys = f'recordings = "{sounds}"\n' + "".join(crms)
        office = await stack.enter_async_context(Office(pair, tmp_path, pbx_keys=keys))
        await office.open()
        await SCENARIO.drive(office.stage(SCENARIO.team))
        await office.quiet()
        [call] = await office.calls_when(all_ended(1), "the call")
        await until(lambda: "call.recording_ready" in _types(hook), "the news of the recording")
        await until(lambda: any(one.get("recording") for one in portal.shown()["call"]), "the recording in the portal")
        await until(lambda: any(one.get("recording") for one in espo.shown()["call"]), "the recording in EspoCRM")
        await asyncio.sleep(0.5)  # a second one would come now
    assert _types(hook).count("call.recording_ready") == 1
    (ready,) = [one["data"] for one in hook.kept.values() if one["type"] == "call.recording_ready"]
    assert ready["id"] == call["id"]
    (file,) = sounds.rglob("*.wav")
    assert file.stat().st_size > HEADER
    sent = base64.b64encode(file.read_bytes())
    for fake in (portal, espo):
        assert sum(sent in asked.body for asked in fake.asked) == 1, type(fake).__name__
        (shown,) = fake.shown()["call"]
        assert shown["recording"], type(fake).__name__


def _types(hook: Receiver) -> list[str]:
    return [one["type"] for one in hook.kept.values()]
