"""The recording of a call, over HTTP: whole, in parts, missing, and for nobody who has not signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.storage.store import Store
from gateway.storage.tables import Audit
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.support.seed import add_interaction

SOUND = bytes(range(256)) * 40


@pytest.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    """Calls of three PBXs: with a folder, with a template, with nothing configured."""
    monitor = tmp_path / "monitor"
    monitor.mkdir()
    (monitor / "call.wav").write_bytes(SOUND)

    def seed(connection: Any) -> None:
        calls = {
            "i-good": ("office", "/var/spool/asterisk/monitor/call.wav"),
            "i-gone": ("office", "gone.wav"),
            "i-evil": ("office", "../leadgate.db"),
            "i-none": ("office", None),
            "i-link": ("depot", "2026/call.wav"),
            "i-else": ("shop", "call.wav"),
        }
        for call_id, (pbx, recording) in calls.items():
            add_interaction(
                connection,
                call_id,
                channel="call",
                source_name=pbx,
                details={"recording": recording} if recording else {},
            )
        add_interaction(connection, "i-form", details={"recording": "call.wav"})

    await store.write(seed)
    recordings = {"office": str(monitor), "depot": "https://pbx.example.com/rec/{file}"}
    async with running_site(store, recordings=recordings) as running:
        yield running


def path(call_id: str) -> str:
    return f"/api/v1/calls/{call_id}/recording"


async def test_a_recording_comes_whole_and_is_kept_by_no_cache(signed_in: Browser, site: Site) -> None:
    async with signed_in.session.get(site.url(path("i-good"))) as answer:
        assert answer.status == 200
        assert await answer.read() == SOUND
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=1000-", 1000, len(SOUND) - 1), ("bytes=-10", -10, None)]
)
async def test_a_player_may_jump(signed_in: Browser, site: Site, asked: str, first: int, last: int | None) -> None:
    async with signed_in.session.get(site.url(path("i-good")), headers={"Range": asked}) as answer:
        assert answer.status == 206
        assert await answer.read() == SOUND[first : None if last is None else last + 1]


async def test_a_part_that_is_not_there_is_416(signed_in: Browser, site: Site) -> None:
    async with signed_in.session.get(site.url(path("i-good")), headers={"Range": "bytes=999999-"}) as answer:
        assert answer.status == 416


MISSING = [
    ("i-gone", "recording_missing", "is not there"),
    ("i-evil", "recording_missing", "sound file"),
    ("i-none", "no_recording", "was not recorded"),
    ("i-else", "recordings_not_configured", "[[pbx]]"),
    ("i-form", "not_found", "no call"),
    ("i-unknown", "not_found", "no call"),
    ("%00", "not_found", "no call"),
]


@pytest.mark.parametrize(("call_id", "code", "said"), MISSING)
async def test_what_is_missing_is_said_as_such(
    signed_in: Browser, site: Site, call_id: str, code: str, said: str
) -> None:
    async with signed_in.session.get(site.url(path(call_id))) as answer:
        body = await answer.json(content_type="application/problem+json")
        assert (answer.status, body["code"]) == (404, code)
        assert said in body["detail"]


async def test_a_template_sends_the_browser_to_the_pbx(signed_in: Browser) -> None:
    status, _, answer = await signed_in.get(path("i-link"))
    assert (status, answer.headers["Location"]) == (302, "https://pbx.example.com/rec/2026/call.wav")


async def test_nobody_listens_without_signing_in(site: Site) -> None:
    async with new_browser(site) as stranger, stranger.session.get(site.url(path("i-good"))) as answer:
        assert answer.status == 401
        assert SOUND not in await answer.read()


async def test_who_listened_is_written_down_once(signed_in: Browser, site: Site) -> None:
    for asked in ("bytes=0-99", "bytes=100-199"):
        async with signed_in.session.get(site.url(path("i-good")), headers={"Range": asked}) as answer:
            await answer.read()
    deeds = select(Audit.actor, Audit.object_id).where(Audit.action == "recording.played")
    (played,) = await site.store.read(lambda c: c.execute(deeds).all())
    assert played.actor.startswith("manager:")
    assert played.object_id == "i-good"
