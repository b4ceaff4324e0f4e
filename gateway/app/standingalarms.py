"""Troubles that last: a source that is down, a spool that does not empty, a disk that fills. People hear of each once.

What /health says at a moment comes and goes (a PBX that restarts); an alarm is for what a person must end. Mailboxes
and CRMs have rules of their own and speak for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gateway.capture.room import Room, RoomState
from gateway.capture.spool import Spool
from gateway.core.clock import Clock
from gateway.core.ports import Alarm, HealthSource, SourceHealth
from gateway.core.sentences import N_, Sentence
from gateway.core.states import state_name

SOURCE_DOWN = timedelta(minutes=5)
"""A PBX that restarts is back before that."""
SPOOL_WAITS = timedelta(minutes=10)
"""A database that restarts is back before that, and the spool is emptied within seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong at this moment."""

    name: str
    """The same as long as it lasts."""
    subject: Sentence
    text: Sentence
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
            yield from (_down(health) for health in source.health() if not health.ok)
        state = self.spool.state()
        if state.files:
            yield _spooled(state.files, self.spool.folder)
        disk = self.room.state() if self.room else None
        if self.room is not None and disk is not None and disk.little:
            yield _little_room(disk, self.room.folder)


def _down(health: SourceHealth) -> Trouble:
    state = state_name(health.state)
    return Trouble(
        name=f"down/{health.name}",
        subject=Sentence(N_("%(source)s does not work (%(state)s)"), {"source": health.name, "state": state}),
        text=Sentence(
            N_("It says: %(detail)s\nThe command 'leadgate doctor' looks at everything that it stands on."),
            {"detail": health.detail or state},
        ),
    )


def _spooled(files: int, folder: Path) -> Trouble:
    return Trouble(
        name="spool",
        subject=Sentence(N_("The spool does not empty")),
        text=Sentence(
            N_(
                "The database takes nothing. Items that wait for it: %(count)s. They are safe in %(folder)s and go in "
                "by themselves. Look at the database."
            ),
            {"count": files, "folder": folder},
        ),
        patience=SPOOL_WAITS,
    )


def _little_room(disk: RoomState, folder: Path) -> Trouble:
    return Trouble(
        name=f"disk/{'full' if disk.refuses else 'low'}",
        subject=Sentence(N_("The disk is almost full")),
        text=Sentence(
            N_(
                "Only %(free)s MiB are free on the disk of %(folder)s; below %(floor)s MiB nothing is taken any more. "
                "Make room there, or move [gateway] data; no restart is needed."
            ),
            {"free": disk.free >> 20, "folder": folder, "floor": disk.floor >> 20},
        ),
        patience=timedelta(0),
    )
