"""A disk that fills: warned of, then nothing is taken, then all is well again by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.capture.room import LOOK_SECONDS, Room
from gateway.core.errors import NotDurable
from tests.support.clock import FakeClock

FLOOR = 200 << 20
FOLDER = Path("/var/lib/leadgate")


class Disk:
    """Counts how often it is asked."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.asked = 0
        self.broken = False

    def __call__(self, _folder: Path) -> int:
        self.asked += 1
        if self.broken:
            raise OSError(5, "Input/output error")
        return self.free


@pytest.mark.parametrize(
    ("mib", "little", "refuses"),
    [(1001, False, False), (1000, False, False), (999, True, False), (200, True, False), (199, True, True)],
)
def test_it_warns_below_five_floors_and_refuses_below_one(mib: int, little: bool, refuses: bool) -> None:
    state = Room(FOLDER, FLOOR, FakeClock(), Disk(mib << 20)).state()
    assert state is not None
    assert (state.little, state.refuses) == (little, refuses)


def test_what_is_refused_is_told_what_to_do_and_is_taken_again_without_a_restart() -> None:
    clock, disk = FakeClock(), Disk(FLOOR - 1)
    room = Room(FOLDER, FLOOR, clock, disk)
    clock.move(10)
    with pytest.raises(NotDurable, match=r"199 MiB are free.*min_free_mib is 200.*Make room"):
        room.demand()
    disk.free = FLOOR
    clock.move(LOOK_SECONDS)
    room.demand()


def test_the_disk_is_asked_once_a_second_however_much_comes() -> None:
    clock, disk = FakeClock(), Disk(1 << 40)
    room = Room(FOLDER, FLOOR, clock, disk)
    clock.move(10)
    for _ in range(1000):
        room.demand()
        clock.move(LOOK_SECONDS / 500)
    assert disk.asked <= 4


def test_a_disk_that_cannot_be_asked_refuses_nothing() -> None:
    disk = Disk(0)
    disk.broken = True
    Room(FOLDER, FLOOR, FakeClock(), disk).demand()


def test_without_a_floor_the_disk_is_not_asked() -> None:
    disk = Disk(0)
    room = Room(FOLDER, 0, FakeClock(), disk)
    room.demand()
    assert (room.state(), disk.asked) == (None, 0)
