"""Clients at the doors who do what clients do: vanish before the answer, and send the same twice at one moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE
from tests.faults.book import Book, judge
from tests.faults.clients import send_form, send_letter, vanish_after_the_dot, vanish_in_the_letter
from tests.faults.nursery import Nursery
from tests.support.process import Installation

AT_ONCE = 8


async def _everything_twice(installation: Installation, ledger: Ledger) -> None:
    """Letters whose sender was gone, and came again; half letters; forms sent by so many at one moment."""
    for number in range(1, 6):
        name = f"mail-{number}"
        ledger.sent.add(name)
        await vanish_after_the_dot(installation, name)
        assert await send_letter(installation, name) == 250
        ledger.acknowledged.add(name)
        await vanish_in_the_letter(installation, f"mail-{number + 50}")  # not in the ledger: stored it is a ghost
    for number in range(11, 16):
        name = f"form-{number}"
        ledger.sent.add(name)
        codes = await asyncio.gather(*(send_form(installation, name) for _ in range(AT_ONCE)))
        assert set(codes) == {200}
        ledger.acknowledged.add(name)


@pytest.mark.parametrize("mutant", ["", "no_deduplication"])
async def test_what_comes_again_is_there_once(tmp_path: Path, book: Book, mutant: str, nursery: Nursery) -> None:
    installation = Installation.make(
        tmp_path / "gateway",
        more=FORM_TABLE,
        module="tests.faults.launcher",
        environment={"FAULTS_MUTANT": mutant} if mutant else {},
    )
    ledger = Ledger()
    process = nursery.start(installation)
    try:
        await process.ready()
        await _everything_twice(installation, ledger)
        fault = (
            f"mutant: {mutant}"
            if mutant
            else "SMTP client gone in the letter, and after the dot; form sent 8 times at one moment"
        )
        verdict = await judge(book, fault, ledger, installation, runs=15, patience=10)
    finally:
        process.kill()
    if mutant:
        assert {name.partition("-")[0] for name in verdict.doubled} == {"form", "mail"}
    else:
        assert verdict.kept, verdict
