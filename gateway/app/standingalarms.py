"""Troubles that last: a source that is down, a spool that does not empty, a disk that fills. People hear of each once.

What /health says at a moment comes and goes (a PBX that restarts); an alarm is for what a person must end. Mailboxes
and CRMs have rules of their own and speak for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.capture.room import Room, sentence
from gateway.capture.spool import Spool
from gateway.core.clock import Clock
from gateway.core.ports import Alarm, HealthSource

SOURCE_DOWN = timedelta(minutes=5)
"""A PBX that restarts is back before that."""
SPOOL_WAITS = timedelta(minutes=10)
"""A database that restarts is back before that, and the spool is emptied within seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong at this moment."""

    name: str
    """The same as long as it lasts."""
    subject: str
    text: str
    patience: timedelta = SOURCE_DOWN
    """How long it may last before people are told."""


@dataclass(slots=True, eq=False)
class StandingAlarms:
    """Implements ``core.ports.AlarmSource``; asked every minute."""

    sources: Sequence[HealthSource]
    spool: Spool
    room: Room | None
    clock: Clock
    _since: dict[str, datetime] = field(default_factory=dict)
    """Name of a trouble -> when it was first seen."""

    def alarms(self) -> list[Alarm]:
        """What has lasted for too long."""
        now = self.clock.now()
        troubles = list(self._troubles())
        self._since = {trouble.name: self._since.get(trouble.name, now) for trouble in troubles}
        return [
            Alarm(
                key=f"{trouble.name}/{self._since[trouble.name]:%Y-%m-%dT%H:%M:%S}",
                subject=trouble.subject,
                text=trouble.text,
            )
            for trouble in troubles
            if now - self._since[trouble.name] >= trouble.patience
        ]

    def _troubles(self) -> Iterator[Trouble]:
        for source in self.sources:
            for health in source.health():
                if not health.ok:
                    text = f"{health.detail or health.state} 'leadgate doctor' looks at everything that it stands on."
                    yield Trouble(name=f"down/{health.name}", subject=f"{health.name} is {health.state}", text=text)
        state = self.spool.state()
        if state.files:
            text = (
                f"The database takes nothing: {state.files} items wait in {self.spool.folder}. They are safe there and "
                "go in by themselves. Look at the database."
            )
            yield Trouble(name="spool", subject="The spool does not empty", text=text, patience=SPOOL_WAITS)
        disk = self.room.state() if self.room else None
        if self.room is not None and disk is not None and disk.little:
            told = sentence(disk, self.room.folder)
            yield Trouble(
                name=f"disk/{'full' if disk.refuses else 'low'}",
                subject="The disk is almost full",
                text=told[0].upper() + told[1:],
                patience=timedelta(0),
            )
