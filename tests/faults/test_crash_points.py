"""Killed at the N-th write, fsync or send: wherever the process dies, what was acknowledged is there, once.

Kill -9 at a random moment rarely hits the few microseconds between two steps; here the steps themselves are counted.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import Book, judge
from tests.faults.clients import send_form
from tests.faults.conftest import thorough
from tests.faults.injection import Injection
from tests.faults.nursery import Nursery
from tests.support.process import Installation

pytestmark = pytest.mark.peer("strace")

CALLS = ("pwrite64", "fdatasync", "sendto")
"""A page into the write-ahead log; the log to the disk; a word to a client, or from the writer to the event loop."""
HIGHEST = 40
"""The long part tries each N up to this, the quick part one of them for each kind."""
DIES_WITHIN = 20.0


def _points(chance: random.Random) -> list[tuple[str, int]]:
    if thorough():
        return [(call, number) for call in CALLS for number in range(1, HIGHEST + 1)]
    return [(call, chance.randint(1, HIGHEST)) for call in CALLS]


async def _die_at(nursery: Nursery, installation: Installation, call: str, number: int) -> None:
    """Start it, let it die at the ``number``-th ``call`` under load."""
    process = nursery.start(installation)
    try:
        await process.ready()
        with Injection(process.pid, call, f"signal=SIGKILL:when={number}", installation.folder):
            await process.ended(DIES_WITHIN)
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("way", "forms", "mails"), [("form", 3, 0), pytest.param("SMTP", 0, 3, marks=pytest.mark.long)]
)
async def test_nothing_acknowledged_is_lost_wherever_it_dies(
    tmp_path: Path, book: Book, chance: random.Random, way: str, forms: int, mails: int, nursery: Nursery
) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    points = _points(chance)
    async with Load(installation, forms=forms, mails=mails) as load:
        for call, number in points:
            print(f"{call} {number}")
            await _die_at(nursery, installation, call, number)
        process = nursery.start(installation)
        await process.ready()
    try:
        fault = f"killed at the N-th system call ({way})"
        verdict = await judge(book, fault, load.ledger, installation, runs=len(points))
    finally:
        process.kill()
    assert verdict.kept, verdict
    assert load.ledger.acknowledged


async def test_a_gateway_that_acknowledges_before_the_commit_is_found_out(
    tmp_path: Path, book: Book, nursery: Nursery
) -> None:
    installation = Installation.make(
        tmp_path / "gateway",
        more=FORM_TABLE,
        module="tests.faults.launcher",
        environment={"FAULTS_MUTANT": "acknowledge_before_commit"},
    )
    async with Load(installation, forms=3, mails=0) as load:
        await _die_at(nursery, installation, "pwrite64", 5)
    process = nursery.start(installation)
    await process.ready()
    try:
        verdict = await judge(book, "mutant: acknowledges before the commit", load.ledger, installation, patience=0)
    finally:
        process.kill()
    assert verdict.lost


def _is_in_order(lines: list[str], name: str, answer: str) -> bool:
    """Whether the first page with ``name`` in it was synced before the first ``answer`` that follows it."""
    written = next(number for number, line in enumerate(lines) if "pwrite64(" in line and name in line)
    told = next(number for number, line in enumerate(lines) if number > written and answer in line)
    return any("fdatasync(" in line for line in lines[written:told])


async def test_no_answer_leaves_before_the_item_is_on_the_disk(tmp_path: Path, book: Book, nursery: Nursery) -> None:
    """What a power cut would show, seen in the order of system calls; after kill -9 the page cache survives."""
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    process = nursery.start(installation)
    names = [f"form-{number}" for number in range(9001, 9006)]
    try:
        await process.ready()
        with Injection(process.pid, "pwrite64,fdatasync,sendto", "", installation.folder) as seen:
            for name in names:
                assert await send_form(installation, name) == 200
    finally:
        process.kill()
    assert all(_is_in_order(seen.lines, name, "HTTP/1.1 200") for name in names)
    book.write("order: synced, then answered", Ledger(sent=set(names), acknowledged=set(names)), names, runs=len(names))


@pytest.mark.parametrize(
    ("lines", "good"),
    [
        (["pwrite64(5, form-1)", "fdatasync(5)", "sendto(9, HTTP/1.1 200)"], True),
        (["fdatasync(5)", "pwrite64(5, form-1)", "sendto(9, HTTP/1.1 200)", "fdatasync(5)"], False),
    ],
)
def test_the_judge_of_the_order_can_say_no(lines: list[str], good: bool) -> None:
    assert _is_in_order(lines, "form-1", "HTTP/1.1 200") is good
