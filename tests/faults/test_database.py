"""The database is locked by another program, or stopped: what comes in is kept in the spool, and goes in later."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import Book, judge
from tests.faults.clients import send_form
from tests.peers.postgresql import PostgresServer
from tests.support.process import Installation

AWAY = 4.0
"""Seconds: longer than the patience of the sink, so that the spool is used."""
WITHIN = 60.0
FORM_BUILDERS_WAIT = 5.0
"""Seconds after which the least patient of them takes it for failed."""
CRASHES = 3


@pytest.mark.long
async def test_a_locked_database_loses_nothing(tmp_path: Path, book: Book) -> None:
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE)
    process = installation.start()
    try:
        await process.ready()
        async with Load(installation, forms=3, mails=2) as load:
            await asyncio.wait_for(load.acknowledged(20), WITHIN)
            other = sqlite3.connect(installation.data / "leadgate.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            before = len(load.ledger.acknowledged)
            began = time.monotonic()
            load.ledger.sent.add("form-9999")
            assert await send_form(installation, "form-9999") == 200
            load.ledger.acknowledged.add("form-9999")
            answered_after = time.monotonic() - began
            await asyncio.sleep(AWAY)
            meanwhile = len(load.ledger.acknowledged)
            other.execute("ROLLBACK")
            other.close()
            await asyncio.wait_for(load.acknowledged(meanwhile + 20), WITHIN)
        verdict = await judge(book, "SQLite locked by another program for 4 s", load.ledger, installation)
    finally:
        process.kill()
    assert verdict.kept, verdict
    assert meanwhile > before, "what came meanwhile was acknowledged out of the spool"
    assert answered_after < FORM_BUILDERS_WAIT


@pytest.mark.long
@pytest.mark.peer("postgresql")
async def test_a_postgresql_that_crashes_and_comes_back_loses_nothing(tmp_path: Path, book: Book) -> None:
    server = PostgresServer.start()
    try:
        name = server.create_database()
        server.make_durable(name)
        more = FORM_TABLE + f'[storage]\nurl = "{server.url(name)}"\n'
        installation = Installation.make(tmp_path / "gateway", more=more)
        process = installation.start()
        try:
            await process.ready()
            async with Load(installation, forms=3, mails=2) as load:
                for _ in range(CRASHES):
                    await asyncio.wait_for(load.acknowledged(len(load.ledger.acknowledged) + 20), WITHIN)
                    server.crash()
                    await asyncio.sleep(AWAY)
                    server.start_again()
            verdict = await judge(book, "PostgreSQL crashes and comes back", load.ledger, installation, runs=CRASHES)
        finally:
            process.kill()
    finally:
        server.stop()
    assert verdict.kept, verdict
