"""Recordings of erased people, and those whose time is over: removed now, or tried again until it is done.

Where the gateway can't do it (the folder is read-only, the PBX serves recordings at an address), it stays a duty:
/health counts it, ``leadgate doctor`` and ``leadgate recordings list`` name it, until it is done or confirmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from gateway.audit.log import GATEWAY
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.core.sentences import N_, Sentence
from gateway.privacy.recordings import Duty, Old, note, owe_old, owed, settle
from gateway.storage.store import Store
from gateway.telephony.recordings import is_url
from gateway.telephony.removal import RecordingKept, remove_recording

log = logging.getLogger(__name__)

LATE_FILE = timedelta(hours=1)
"""A PBX writes a recording, or converts it, some time after the call: until then a missing file is no proof."""
OVERLAP = timedelta(days=2)
"""Calls that the hourly search for old recordings looks at; all others were looked at by an earlier one."""
ALL_EVERY = timedelta(days=1)
"""How often all old calls are looked at: logs of the PBX may have brought some later."""
CONFIRM = "remove it there, then: leadgate recordings confirm {id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording at one try."""

    duty: Duty
    removed: str | None = None
    """The path of the file that was removed."""

    @property
    def done(self) -> bool:
        """Removed, or it was not there any more."""
        return not self.duty.problem


@dataclass(slots=True, eq=False)
class RecordingRemoval:
    """Does the duties. Each of its methods raises StoreUnavailable."""

    store: Store
    places: Mapping[str, str]
    """The name of each PBX -> its folder or address of recordings."""
    clock: Clock
    keep: timedelta | None = None
    """How long recordings are kept; None: nobody but the PBX removes those of people who were not erased."""
    _all_at: datetime | None = None

    @staticmethod
    def of(settings: Settings, store: Store, clock: Clock) -> RecordingRemoval:
        """As configured."""
        return RecordingRemoval(store=store, places=places_of(settings), clock=clock, keep=settings.retention.sound)

    async def work(self) -> None:
        """What is to be done now and then."""
        await self.take_old()
        await self.remove_owed(GATEWAY)

    async def take_old(self) -> None:
        """Make duties of the recordings whose time is over."""
        if self.keep is None:
            return
        now = self.clock.now()
        before = now - self.keep
        everything = self._all_at is None or now - self._all_at > ALL_EVERY
        after: Old | datetime | None = None if everything else before - OVERLAP
        while after := await self._some_old(before, after, now):
            pass
        self._all_at = now if everything else self._all_at

    async def _some_old(self, before: datetime, after: Old | datetime | None, now: datetime) -> Old | None:
        return await self.store.write(lambda c: owe_old(c, before, after, now), background=True)

    async def remove_owed(self, actor: str) -> Sequence[Outcome]:
        """Try each duty once; what became of each."""
        return [await self._remove(duty, actor) for duty in await self.store.read(owed)]

    async def _remove(self, duty: Duty, actor: str) -> Outcome:
        now = self.clock.now()
        try:
            path = await asyncio.to_thread(self._remove_file, duty, now)
        except RecordingKept as kept:
            problem = str(kept)
            await self.store.write(lambda c: note(c, duty, problem, now), background=True)
            if problem != duty.problem:
                log.warning(
                    "A recording that is to be removed is still there: 'leadgate recordings list' says why.",
                    extra={"action": "recording_kept", "recording": duty.id},
                )
            return Outcome(duty=replace(duty, problem=problem))
        how = "removed" if path else "missing"

        def end(connection: Connection) -> bool:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")  # the file's name often has the number in it
            return settle(connection, duty, actor=actor, how=how, at=now)

        await self.store.write(end, background=True)
        return Outcome(duty=replace(duty, problem=""), removed=str(path) if path else None)

    def _remove_file(self, duty: Duty, now: datetime) -> Path | None:
        place, by_hand = self.places.get(duty.pbx), CONFIRM.format(id=duty.id)
        if not place:
            raise RecordingKept(f"{duty.recording} lies with the PBX {duty.pbx}: {by_hand}")
        if is_url(place):
            raise RecordingKept(f"{duty.recording} lies with the PBX {duty.pbx}, at {place}: {by_hand}")
        path = remove_recording(duty.recording, Path(place))
        if path is None and now - datetime.fromisoformat(duty.ended_at or duty.since) < LATE_FILE:
            raise RecordingKept(f"{duty.recording} is not in {place} yet: the gateway looks again within the hour.")
        return path


def places_of(settings: Settings) -> dict[str, str]:
    """The name of each PBX -> where its recordings are."""
    return {pbx.name: pbx.recordings for pbx in settings.pbx if pbx.recordings}


def recordings_left(connection: Connection) -> list[Finding]:
    """For ``leadgate doctor``: every recording that is still to be removed."""
    return [
        Finding(
            code="recording.owed",
            level=Level.WARN,
            subject=Sentence(N_("recording %(id)s"), {"id": duty.id}),
            said=Sentence(
                N_("of %(pbx)s is still to be removed: %(why)s"),
                {"pbx": duty.pbx, "why": duty.problem or duty.recording},
            ),
            remedy=Sentence(
                N_("as it says; what was removed by hand: leadgate recordings confirm %(id)s"), {"id": duty.id}
            ),
        )
        for duty in owed(connection)
    ]
