"""A full disk, and a disk that fails: refused politely, never half stored, and well again without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import Book, judge
from tests.faults.injection import Injection
from tests.faults.nursery import Nursery
from tests.faults.smalldisk import fill, small_disk
from tests.support.ports import LOOPBACK
from tests.support.process import Installation

SMALL = "24m"
WITHIN = 60.0
FULL_FOR = 3.0


@pytest.fixture
def little_room(tmp_path: Path) -> Iterator[Path]:
    """The data folder, with room for 24 MiB."""
    folder = tmp_path / "gateway/data"
    with small_disk(folder, SMALL) as mounted:
        if not mounted:
            pytest.skip("a small disk needs mount(2): run as root, with CAP_SYS_ADMIN")
        yield folder


@pytest.mark.parametrize("floor", [pytest.param(0, marks=pytest.mark.long), 8])
async def test_a_full_disk_loses_nothing_and_needs_no_restart(
    little_room: Path, tmp_path: Path, book: Book, floor: int, nursery: Nursery
) -> None:
    """``floor``: MiB that are left free; 0: the disk fills to its last byte, in the middle of a transaction."""
    more = FORM_TABLE + f"[storage]\nmin_free_mib = {floor}\n"
    installation = Installation.make(tmp_path / "gateway", more=more)
    process = nursery.start(installation)
    ballast = little_room / "ballast"
    try:
        await process.ready()
        async with Load(installation, forms=3, mails=2) as load:
            await asyncio.wait_for(load.acknowledged(20), WITHIN)
            fill(ballast, leave=(floor << 20) // 2)
            await asyncio.sleep(FULL_FOR)
            problems = await _problems(installation)
            full = len(load.ledger.acknowledged)
            ballast.unlink()
            await asyncio.wait_for(load.acknowledged(full + 40), WITHIN)
        fault = f"disk full, then room again (floor {floor} MiB)"
        verdict = await judge(book, fault, load.ledger, installation)
    finally:
        process.kill()
    assert verdict.kept, verdict
    if floor:
        assert "[storage] min_free_mib" in problems
    else:
        assert "No space left on device" in problems or "disk is full" in problems


async def _problems(installation: Installation) -> str:
    """What /health complains of, be it 200 or 503: that depends on what met the full disk last."""
    health = f"http://{LOOPBACK}:{installation.private}/health"
    async with aiohttp.ClientSession() as session, session.get(health) as answer:
        return " ".join((await answer.json())["problems"])


@pytest.mark.long
@pytest.mark.peer("strace")
async def test_a_disk_that_fails_to_sync_makes_nothing_acknowledged_that_is_not_safe(
    tmp_path: Path, book: Book, nursery: Nursery
) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    process = nursery.start(installation)
    try:
        await process.ready()
        async with Load(installation, forms=3, mails=2) as load:
            with Injection(process.pid, "fdatasync", "error=EIO:when=3+4", installation.folder) as disk:
                await asyncio.sleep(6)
            hits = disk.hits
        process.kill()
        process = nursery.start(installation)
        await process.ready()
        verdict = await judge(book, "fdatasync says EIO, each fourth time", load.ledger, installation, runs=hits)
    finally:
        process.kill()
    assert hits > 1
    assert load.ledger.acknowledged
    assert verdict.kept, verdict
