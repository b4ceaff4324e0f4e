"""Power cuts: what a gateway did to its disk is replayed up to some moment, and a gateway starts on what is left."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.ledger import Verdict
from tests.acceptance.load import names_of
from tests.faults.book import Book, judge
from tests.faults.conftest import thorough
from tests.faults.nursery import Nursery
from tests.faults.powercut import Call, Choice, Disk, calls
from tests.faults.recording import Recording, record
from tests.support.process import Installation

CUTS = 20
ITEMS, QUICK_ITEMS = 120, 24
"""Enough for the write-ahead log to be moved into the database meanwhile."""


class PowerCuts:
    """Moments of a recording, each with a disk and a gateway that is started on it."""

    def __init__(
        self, recording: Recording, folder: Path, nursery: Nursery, chance: random.Random, kinds: Sequence[str]
    ) -> None:
        """``kinds``: how unkind the cuts are, by turns; see Choice."""
        self._recording = recording
        self._kinds = kinds
        self._folder = folder
        self._nursery = nursery
        self._chance = chance

    async def verdict(self, book: Book, fault: str, number: int) -> Verdict:
        """Cut the power at some moment, start on what is left, and judge."""
        calls = self._recording.done
        last = self._chance.randrange(len(calls) // 10, len(calls))
        choice = Choice(self._kinds[number % len(self._kinds)], self._chance)
        installation = Installation.make(self._folder / f"cut-{number}")
        self._make(installation.data, calls[: last + 1], choice)
        process = self._nursery.start(installation)
        try:
            await process.ready()
            ledger = self._recording.ledger(calls[last].ended)
            return await judge(book, fault, ledger, installation, name_of=names_of, patience=0)
        finally:
            process.kill()
            shutil.rmtree(installation.folder)

    def _make(self, target: Path, done: list[Call], choice: Choice) -> None:
        disk = Disk(self._recording.before, self._recording.data)
        for call in done:
            disk.apply(call)
        disk.cut(choice, target)


@dataclass(frozen=True, kw_only=True)
class Cutter:
    """Records a gateway, and cuts its power again and again."""

    folder: Path
    book: Book
    chance: random.Random
    nursery: Nursery

    async def verdicts(self, fault: str, *, kinds: Sequence[str], count: int, mutant: str = "") -> list[Verdict]:
        """``count`` cuts of one recording."""
        items = ITEMS if thorough() else QUICK_ITEMS
        recording = await record(self.folder / "gateway", self.nursery, items=items, mutant=mutant)
        cuts = PowerCuts(recording, self.folder, self.nursery, self.chance, kinds)
        return [await cuts.verdict(self.book, fault, number) for number in range(count)]


@pytest.fixture
def cutter(tmp_path: Path, book: Book, chance: random.Random, nursery: Nursery) -> Cutter:
    """With the means of the test."""
    return Cutter(folder=tmp_path, book=book, chance=chance, nursery=nursery)


@pytest.mark.peer("strace")
async def test_a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged(cutter: Cutter) -> None:
    count = CUTS if thorough() else 2
    verdicts = await cutter.verdicts("power cut", kinds=("random", "nothing"), count=count)
    assert all(verdict.kept for verdict in verdicts), verdicts


@pytest.mark.long
@pytest.mark.peer("strace")
async def test_a_gateway_that_does_not_sync_is_found_out(cutter: Cutter) -> None:
    fault, mutant = "mutant: synchronous=OFF", "synchronous_off"
    verdicts = await cutter.verdicts(fault, kinds=("nothing",), count=1, mutant=mutant)
    assert all(verdict.lost for verdict in verdicts), verdicts


RECORD = [
    '7  10.0 openat(AT_FDCWD</>, "/d/spool/.tmp", O_WRONLY|O_CREAT|O_EXCL, 0600) = 9</d/spool/.tmp>',
    '7  11.0 write(9</d/spool/.tmp>, "abc", 3) = 3',
    "7  12.0 fsync(9</d/spool/.tmp> <unfinished ...>",
    '8  12.5 pwrite64(5</d/db>, "NEW", 3, 1) = 3',
    "7  13.0 <... fsync resumed>) = 0",
    '7  14.0 rename("/d/spool/.tmp", "/d/spool/1.item") = 0',
    "7  15.0 fsync(9</d/spool>) = 0",
    "8  16.0 fdatasync(5</d/db>) = -1 EIO (Input/output error)",
]
"""What strace writes; its strings are made hexadecimal below."""


def _cut_after(folder: Path, lines: list[str], kind: str) -> dict[str, bytes]:
    """The files after a cut."""
    before, made = folder / "before", folder / "made"
    (before / "spool").mkdir(parents=True)
    (before / "db").write_bytes(b"-old-")
    disk = Disk(before, Path("/d"))
    for call in calls(re.sub('"([^"]*)"', _hexadecimal, line) + "\n" for line in lines):
        disk.apply(call)
    disk.cut(Choice(kind, random.Random(1)), made)
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}


def _hexadecimal(found: re.Match[str]) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in found[1].encode()) + '"'


@pytest.mark.parametrize(
    ("without", "kind", "left"),
    [
        ((), "nothing", {"db": b"-old-", "spool/1.item": b"abc"}),
        ((), "everything", {"db": b"-NEW-", "spool/1.item": b"abc"}),
        ((6,), "nothing", {"db": b"-old-"}),  # the folder was not synced
        ((2, 4), "nothing", {"db": b"-old-", "spool/1.item": b""}),  # the file was not
    ],
)
def test_the_disk_of_the_model_has_what_was_synced(
    tmp_path: Path, without: tuple[int, ...], kind: str, left: dict[str, bytes]
) -> None:
    assert _cut_after(tmp_path, [line for number, line in enumerate(RECORD) if number not in without], kind) == left


def test_a_call_that_the_model_does_not_know_stops_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pwritev"):
        _cut_after(tmp_path, ['7  10.0 pwritev(5</d/db>, [{"x", 1}], 1, 0) = 1'], "nothing")
