"""The machine of PostgreSQL is lost, and its standby takes over: the gateway finds it by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import Book, judge
from tests.peers.standby import PostgresPair
from tests.support.process import Api, Installation

WITHIN = 120.0
BEHIND = 3.0
"""Seconds that a standby does not follow, before the primary is lost."""

pytestmark = [pytest.mark.long, pytest.mark.peer("postgresql")]


@pytest.mark.parametrize("synchronous", [True, False])
async def test_a_standby_that_was_waited_for_has_everything_and_one_that_was_not_is_found_out(
    tmp_path: Path, book: Book, synchronous: bool
) -> None:
    """Counter-proof: with an asynchronous standby that lags the last commits are lost, and /health says which it is."""
    pair = await asyncio.to_thread(PostgresPair.start, synchronous=synchronous)
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE + f'[storage]\nurl = "{pair.url}"\n')
    process = installation.start()
    try:
        await process.ready()
        health = await Api(installation, "").health()
        async with Load(installation, forms=3, mails=2) as load:
            await asyncio.wait_for(load.acknowledged(40), WITHIN)
            if not synchronous:
                pair.stop_following()
                await asyncio.sleep(BEHIND)
            await asyncio.to_thread(pair.fail_over)
            await asyncio.wait_for(load.acknowledged(len(load.ledger.acknowledged) + 40), WITHIN)
        fault = f"PostgreSQL fails over to {'a synchronous' if synchronous else 'an asynchronous, lagging'} standby"
        verdict = await judge(book, fault, load.ledger, installation, patience=WITHIN if synchronous else 10.0)
    finally:
        process.kill()
        await asyncio.to_thread(pair.stop)
    assert health["database"]["standby"] == ("synchronous" if synchronous else "asynchronous")
    assert bool(verdict.lost) is not synchronous, verdict
    assert not verdict.doubled
