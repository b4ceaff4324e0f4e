"""The live feed: events in order, resumed where the reader left off, ended when it should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from sqlalchemy import delete

from gateway.live.changes import ChangeKind, record
from gateway.storage.tables import Change
from tests.integration.web.site import Browser, Site
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE
from tests.support.seed import add_lead


@dataclass(frozen=True)
class Event:
    """One server-sent event; comments have only ``comment``."""

    id: str = ""
    event: str = ""
    data: str = ""
    comment: str = ""

    def json(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.data)
        return read


class Feed:
    """Reads events as a browser does."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self, *, comments: bool = False) -> Event:
        """The next event, or also the next comment; ``retry:`` is passed over."""
        while True:
            lines = await asyncio.wait_for(self._block(), PATIENCE)
            if lines[0].startswith(":") and comments:
                return Event(comment=lines[0])
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith((":", "retry")))
            if fields:
                return Event(**fields)

    async def ended(self) -> bool:
        """Whether the server ended the stream, soon."""
        try:
            async with asyncio.timeout(PATIENCE):
                while await self.answer.content.readline():
                    continue
        except (aiohttp.ClientError, ConnectionError):
            return True
        return True

    async def _block(self) -> list[str]:
        lines: list[str] = []
        while True:
            line = (await self.answer.content.readline()).decode()
            assert line, "the stream ended"
            if line == "\n":
                return lines
            lines.append(line.rstrip("\n"))


@asynccontextmanager
async def feed(site: Site, browser: Browser, headers: dict[str, str], query: str = "") -> AsyncIterator[Feed]:
    url = site.url(f"/api/v1/events{query}")
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    async with browser.session.get(url, headers=headers, timeout=timeout) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Feed(answer)


async def add(site: Site, *lead_ids: str) -> None:
    """Leads, and the wake-up after the commit."""
    for lead_id in lead_ids:
        await site.store.write(lambda c, one=lead_id: add_lead(c, one, None, text=f"text of {one}"))  # type: ignore[misc]
    site.hub.publish()


async def test_a_new_lead_arrives_with_everything_in_it(site: Site, browser: Browser) -> None:
    await add(site, "before")
    async with feed(site, browser, await site.token()) as events:
        await add(site, "l-1")
        event = await events.next()
        assert (event.id, event.event) == ("2", "lead.created")
        assert event.json()["id"] == "l-1"
        assert event.json()["text"] == "text of l-1"


async def test_other_changes_carry_their_id(site: Site, browser: Browser) -> None:
    async with feed(site, browser, await site.token()) as events:
        await site.store.write(lambda c: record(c, ChangeKind.CONTACT_MERGED, "c-1", MONDAY))
        site.hub.publish()
        event = await events.next()
        assert (event.event, event.json()) == ("contact.merged", {"id": "c-1"})


async def test_a_reader_who_comes_back_gets_what_was_missed_once_and_in_order(site: Site, browser: Browser) -> None:
    token = await site.token()
    async with feed(site, browser, token) as events:
        await add(site, "l-1", "l-2")
        last = (await events.next()).id
    await add(site, *(f"l-{n}" for n in range(3, 250)))
    async with feed(site, browser, {**token, "Last-Event-ID": last}) as events:
        seen = [(await events.next()).json()["id"] for _ in range(248)]
    assert seen == [f"l-{n}" for n in range(2, 250)]


async def test_a_page_resumes_by_its_address(site: Site, browser: Browser) -> None:
    await add(site, "l-1", "l-2")
    async with feed(site, browser, await site.token(), "?last_event_id=1") as events:
        assert (await events.next()).json()["id"] == "l-2"


async def test_a_reader_whose_events_are_gone_is_told_to_load_anew(site: Site, browser: Browser) -> None:
    await add(site, "l-1", "l-2", "l-3")
    await site.store.write(lambda c: c.execute(delete(Change).where(Change.id < 3)))
    token = await site.token()
    for last in ("1", "99"):
        async with feed(site, browser, {**token, "Last-Event-ID": last}) as events:
            event = await events.next()
            assert (event.event, event.id) == ("stream.reset", "3")
    async with feed(site, browser, {**token, "Last-Event-ID": "2"}) as events:
        assert (await events.next()).json()["id"] == "l-3"


async def test_a_silent_stream_has_a_heartbeat(site: Site, browser: Browser) -> None:
    async with feed(site, browser, await site.token()) as events:
        site.clock.move(16)
        site.hub.publish()
        assert (await events.next(comments=True)).comment == ": still here"


async def test_a_stream_ends_when_its_token_is_revoked(site: Site, browser: Browser) -> None:
    async with feed(site, browser, await site.token("crm")) as events:
        await site.accounts.revoke_token("crm")
        site.clock.move(16)
        site.hub.publish()
        assert await events.ended()


async def test_a_stream_ends_when_the_session_does(site: Site, signed_in: Browser) -> None:
    async with feed(site, signed_in, {}) as events:
        site.clock.move(31 * 60)
        site.hub.publish()
        assert await events.ended()


async def test_a_reader_who_goes_is_forgotten(site: Site, browser: Browser) -> None:
    async with feed(site, browser, await site.token()):
        assert site.server.events.readers == 1
    async with asyncio.timeout(PATIENCE):
        while site.server.events.readers:
            site.hub.publish()
            await add(site, f"l-{site.clock.monotonic()}")
            site.clock.move(1)
            await asyncio.sleep(0.02)


async def test_fifty_readers_all_see_the_event(site: Site, browser: Browser) -> None:
    token = await site.token()

    async def read_one() -> str:
        async with feed(site, browser, token) as events:
            return str((await events.next()).json()["id"])

    readers = [asyncio.create_task(read_one()) for _ in range(50)]
    async with asyncio.timeout(20):
        while site.server.events.readers < 50:
            await asyncio.sleep(0.02)
        await add(site, "l-1")
        assert await asyncio.gather(*readers) == ["l-1"] * 50
