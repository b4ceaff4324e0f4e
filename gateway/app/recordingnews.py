"""Tells the CRMs that the recording of a call is there: ``call.recording_ready``.

A PBX goes on writing a recording, or converts it, after the call is over, so ``call.finished`` often comes too early
for a CRM that wants the file. Each ended call with a recording is looked after here until its file is there and no
longer grows; one that is served at an address is told of at once. The table keeps that over restarts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Phase
from gateway.processing.step import Outgoing
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, RecordingNews
from gateway.telephony.recordings import RecordingMissing, find_file, is_url, url_for
from gateway.views.interactions import interactions_by_id

log = logging.getLogger(__name__)

EVENT = "call.recording_ready"
EVERY_SECONDS = 2.0
AT_ONCE = 50
"""Recordings of one look."""
QUIET = timedelta(seconds=2)
"""A file that was not written to for so long is whole."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (3, 5, 15, 60, 300, 1800))
"""Before the first look, the second, ...; the last one again and again."""
PATIENCE = timedelta(hours=24)
"""A file that is not there by then is never told of."""
KEEP = timedelta(days=30)
"""How long an ended row is kept: the PBX's logs may tell of the call once more, and it is told of once."""

Due = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class RecordingFollower:
    """Implements ``processing.step.Follower``: has the recording of each call that ended looked after."""

    outgoing: Outgoing

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Nothing to tell yet."""
        draft = placement.draft
        ended = placement.channel is Channel.CALL and draft.phase is Phase.ENDED and draft.details.get("recording")
        if not ended or placement.is_history or placement.lead_id is None or not self.outgoing.wants(EVENT):
            return ()
        known = select(RecordingNews.interaction_id).where(RecordingNews.interaction_id == placement.interaction_id)
        if connection.execute(known).first() is None:
            row = {"interaction_id": placement.interaction_id, "due_at": placement.at + PAUSES[0], "looks": 0}
            connection.execute(insert(RecordingNews), {**row, "since": placement.at})
        return ()


@dataclass(slots=True, eq=False)
class RecordingWatch:
    """A Service: looks for the files of ended calls."""

    store: Store
    places: Mapping[str, str]
    """The name of each PBX -> the folder or URL template of its recordings."""
    outgoing: Outgoing
    clock: Clock
    on_told: Callable[[], None] = lambda: None
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="recording news")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                while await self.look() == AT_ONCE:
                    pass
            except StoreUnavailable as error:
                extra = {"action": "recordings_put_off", "reason": str(error)}
                log.warning("New recordings were not looked for.", extra=extra)
            except Exception:
                log.exception("Looking for new recordings failed.", extra={"action": "recordings_failed"})
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> int:
        """Look for what is due; at how many it looked."""
        now = self.clock.now()
        due = await self.store.read(lambda connection: _due(connection, now))
        if not due:
            return 0
        found = [await asyncio.to_thread(self._find, row, now) for row in due]

        def unit(connection: Connection) -> bool:
            told = [
                self._settle(connection, row, address, is_there, now)
                for row, (is_there, address) in zip(due, found, strict=True)
            ]
            return any(told)

        if await self.store.write(unit, background=True):
            self.on_told()
        return len(due)

    def _find(self, row: Row[Any], now: datetime) -> tuple[bool, str | None]:
        """Whether the recording is there, and its address where it has one. On a thread: the folder may be far away."""
        place, name = self.places.get(row.source_name), row.details.get("recording")
        if place is None or not isinstance(name, str):
            return False, None
        try:
            if is_url(place):
                return True, url_for(name, place)
            path, _ = find_file(name, Path(place))
            seconds = now.timestamp() - path.stat().st_mtime
        except (RecordingMissing, OSError):
            return False, None
        return abs(seconds) >= QUIET.total_seconds(), None  # a clock that is ahead must not hold it back

    def _settle(
        self, connection: Connection, row: Row[Any], address: str | None, is_there: bool, now: datetime
    ) -> bool:
        mine = RecordingNews.interaction_id == row.interaction_id
        if is_there:
            self._tell(connection, row.interaction_id, address, now)
        elif now - row.since < PATIENCE:
            pause = PAUSES[min(row.looks + 1, len(PAUSES) - 1)]
            connection.execute(update(RecordingNews).where(mine).values(due_at=now + pause, looks=row.looks + 1))
            return False
        else:
            extra = {"action": "recording_missing", "call": row.interaction_id, "pbx": row.source_name}
            log.info("The recording of a call never came: CRMs are not told of it.", extra=extra)
        connection.execute(update(RecordingNews).where(mine).values(ended_at=now, looks=row.looks + 1))
        return is_there

    def _tell(self, connection: Connection, call_id: str, address: str | None, now: datetime) -> None:
        data: dict[str, Any] = msgspec.to_builtins(interactions_by_id(connection, [call_id])[call_id])
        if address is not None:
            data["details"] = {**data["details"], "recording_url": address}
        lead, contact = data["lead"], data["contact"]
        event = Event(
            type=EVENT,
            order_key=contact["id"] if contact else lead or call_id,
            data=data,
            lead_id=lead,
            interaction_id=call_id,
        )
        self.outgoing.put(connection, event, now)


def _due(connection: Connection, now: datetime) -> Due:
    columns = (
        RecordingNews.interaction_id,
        RecordingNews.looks,
        RecordingNews.since,
        Interaction.source_name,
        Interaction.details,
    )
    query = (
        select(*columns)
        .join(Interaction, Interaction.id == RecordingNews.interaction_id)
        .where(RecordingNews.ended_at.is_(None), RecordingNews.due_at <= now)
        .order_by(RecordingNews.due_at)
        .limit(AT_ONCE)
    )
    return connection.execute(query).all()


def forget_told(connection: Connection, now: datetime) -> int:
    """Remove what was told long ago; how many rows."""
    return connection.execute(delete(RecordingNews).where(RecordingNews.ended_at < now - KEEP)).rowcount
