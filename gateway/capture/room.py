"""Whether the disk has room: what comes in is refused politely before the disk is full, not in the middle of a write.

A full disk stops the database and the spool at once. A sender that was told to come again keeps its letter, its form,
its rows; so refusing early loses nothing, and leaves room in which the people who make room can work.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.core.clock import Clock
from gateway.core.errors import NotDurable
from gateway.core.sentences import Sentence

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the disk is asked at most: it takes microseconds, but an item comes each millisecond."""
WARN_TIMES = 5
"""Below so many times the floor people are warned."""

FreeBytes = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Bytes that this process may still write there. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomState:
    """How the disk is."""

    free: int
    """Bytes."""
    floor: int
    """Bytes below which nothing is taken."""

    @property
    def refuses(self) -> bool:
        """Nothing is taken now."""
        return self.free < self.floor

    @property
    def little(self) -> bool:
        """People should make room."""
        return self.free < WARN_TIMES * self.floor


@dataclass(slots=True, eq=False)
class Room:
    """Asks the disk of the data folder."""

    folder: Path
    floor: int
    """Bytes; 0: nothing is refused until the disk itself does."""
    clock: Clock
    free: FreeBytes = free_bytes
    _state: RoomState | None = None
    _looked_at: float = 0.0

    def state(self) -> RoomState | None:
        """How it was at most a second ago; None where there is no floor, or the disk can't be asked."""
        now = self.clock.monotonic()
        if self.floor and (self._looked_at == 0.0 or now - self._looked_at >= LOOK_SECONDS):
            self._look()
            self._looked_at = now
        return self._state

    def demand(self) -> None:
        """Raises NotDurable with the way out while there is too little room."""
        state = self.state()
        if state is not None and state.refuses:
            raise NotDurable("nothing is taken now: %(words)s", words=sentence(state, self.folder))

    def _look(self) -> None:
        before = self._state
        try:
            self._state = RoomState(free=self.free(self.folder), floor=self.floor)
        except OSError as error:
            self._state = None
            log.warning(
                "The disk of the data folder can't be asked how full it is.",
                extra={"action": "disk_unknown", "reason": str(error)},
            )
            return
        if self._state.refuses and not (before and before.refuses):
            log.error("The disk is almost full: nothing is taken until there is room.", extra={"action": "disk_low"})
        elif before and before.refuses and not self._state.refuses:
            log.info("There is room on the disk again.", extra={"action": "disk_room"})


def sentence(state: RoomState, folder: Path) -> Sentence:
    """How the disk is and what to do, for people."""
    return Sentence(
        "only %(free)s MiB are free on the disk of %(folder)s, and [storage] min_free_mib is %(floor)s. Make room "
        "there, or move [gateway] data; no restart is needed.",
        {"free": state.free >> 20, "folder": folder, "floor": state.floor >> 20},
    )
