"""``GET /api/v1/events``: what changes, as server-sent events (WHATWG HTML section 9.2), resumable by Last-Event-ID.

The table ``change`` is the feed, so a reader who was away misses nothing that is still kept; wake-ups only say when to
look. Events are rendered once for all readers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Protocol

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.storage.store import Store
from gateway.views.leads import leads_by_id
from gateway.web.access import viewer_of
from gateway.web.api.parameters import row_number
from gateway.web.guard import Guard, Principal, principal_of
from gateway.web.queries.changes import ChangeRow, changes_after, feed_ends

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
"""Proxies cut silent connections after 30 to 60 s; half of that, so that one may be late."""
WRITE_SECONDS = 30.0
"""A reader that takes nothing for so long is gone."""
RETRY_MILLISECONDS = 2000
BATCH = 200
REMEMBERED = 1000
"""Rendered events kept for the other readers: about 1 MiB."""
RESET = "stream.reset"
"""Sent instead of events that are no longer kept: the reader must load its lists anew."""


class Wakeups(Protocol):
    """``live.Hub``, as far as it is needed here."""

    def wakeups(self) -> AsyncIterator[None]:
        """Yields at once, after each change, and at least every two seconds."""
        ...


class EventRenderer:
    """Makes the bytes of an event from a change; remembers the latest ones. Used from several threads.

    ``whole``: leads are told with everything; else by their ids, for those who do not see all of them
    or see numbers masked.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self._rendered: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder()

    def next_batch(self, connection: Connection, last_id: int) -> tuple[bytes, int]:
        """The events after ``last_id`` and the id of the last of them; empty when there is none."""
        changes = changes_after(connection, last_id, BATCH)
        with self._lock:
            frames = {change.id: self._rendered.get(change.id) for change in changes}
        missing = [change for change in changes if frames[change.id] is None]
        lead_ids = {change.object_id for change in missing if change.kind.startswith("lead.")}
        leads = leads_by_id(connection, lead_ids) if lead_ids and self._whole else {}
        fresh = {change.id: self._render(change, leads.get(change.object_id)) for change in missing}
        self._remember(fresh)
        whole = b"".join(frames[change.id] or fresh[change.id] for change in changes)
        return whole, changes[-1].id if changes else last_id

    def _render(self, change: ChangeRow, lead: msgspec.Struct | None) -> bytes:
        data = self._encoder.encode(lead if lead is not None else {"id": change.object_id})
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (change.id, change.kind.encode(), data)

    def _remember(self, fresh: dict[int, bytes]) -> None:
        with self._lock:
            self._rendered.update(fresh)
            while len(self._rendered) > REMEMBERED:
                self._rendered.popitem(last=False)


class EventStream:
    """The handler and its open streams."""

    def __init__(self, store: Store, hub: Wakeups, clock: Clock, guard: Guard) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._guard = guard
        self._renderer = EventRenderer()
        self._ids_only = EventRenderer(whole=False)
        self._open: set[asyncio.Task[object]] = set()

    @property
    def readers(self) -> int:
        """Streams that are open now."""
        return len(self._open)

    async def close(self) -> None:
        """End all streams; browsers come back by themselves, with the id of the last event they saw."""
        for task in tuple(self._open):
            task.cancel()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One stream, until the reader goes, its token or session ends, or the gateway stops."""
        principal = principal_of(request)
        start = _last_event_id(request)
        position, greeting = self._store.peek(lambda c: _resume(c, start))
        viewer = viewer_of(request)
        renderer = self._renderer if viewer.seen_by is None and not viewer.masked else self._ids_only
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert principal is not None
        assert task is not None
        self._open.add(task)
        try:
            await _write(response, greeting)
            await self._follow(response, position, principal, renderer)
        except (TimeoutError, ConnectionError, StoreUnavailable) as error:
            log.info("A live reader was left", extra={"action": "sse_ended", "why": type(error).__name__})
        finally:
            self._open.discard(task)
        return response

    async def _follow(
        self, response: web.StreamResponse, position: int, principal: Principal, renderer: EventRenderer
    ) -> None:
        heard_at = self._clock.monotonic()
        async with aclosing(self._hub.wakeups()) as wakeups:  # type: ignore[type-var]
            async for _ in wakeups:
                frames, position = await self._batch(position, renderer)
                while frames:
                    await _write(response, frames)
                    heard_at = self._clock.monotonic()
                    frames, position = await self._batch(position, renderer)
                if self._clock.monotonic() - heard_at >= HEARTBEAT_SECONDS:
                    if not self._guard.still_valid(principal):
                        return
                    await _write(response, b": still here\n\n")
                    heard_at = self._clock.monotonic()

    async def _batch(self, position: int, renderer: EventRenderer) -> tuple[bytes, int]:
        # nearly always there is nothing new: a point read in place; only rendering goes to a thread
        if not self._store.peek(lambda c: changes_after(c, position, 1)):
            return b"", position
        return await self._store.read(lambda c: renderer.next_batch(c, position))


def _resume(connection: Connection, wanted: int | None) -> tuple[int, bytes]:
    """Where to go on, and what to say first."""
    ends = feed_ends(connection)
    hello = b"retry: %d\n\n" % RETRY_MILLISECONDS
    if wanted is None:
        return ends.newest, hello
    if ends.oldest - 1 <= wanted <= ends.newest:
        return wanted, hello
    # older events were removed, or the database is not the one that gave this id
    return ends.newest, hello + b"id: %d\nevent: %s\ndata: {}\n\n" % (ends.newest, RESET.encode())


def _last_event_id(request: web.Request) -> int | None:
    """From the header that browsers send when they come back, or ``last_event_id`` for a page's first connection."""
    text = request.headers.get("Last-Event-ID") or request.query.get("last_event_id", "")
    return row_number(text, "last_event_id") if text else None


async def _write(response: web.StreamResponse, frames: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(frames)
