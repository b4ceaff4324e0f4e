"""A mailbox whose server is cut off in the middle of a letter, falls silent, or numbers its letters anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.book import Book, judge
from tests.faults.nursery import Nursery
from tests.faults.postman import LARGE, Postman
from tests.faults.ways import mailbox_table, names_of_all
from tests.peers.dovecot import DovecotServer
from tests.support.faultproxy import FaultProxy
from tests.support.process import Installation

CUTS = 3
WITHIN = 120.0
SILENT_FOR = 5.0
LETTERS = 5


@pytest.mark.long
async def test_a_mailbox_that_is_cut_and_falls_silent_gives_each_letter_once(
    tmp_path: Path, book: Book, dovecot_server: DovecotServer, nursery: Nursery
) -> None:
    postman = Postman(dovecot_server)
    async with FaultProxy(dovecot_server.port) as proxy:
        installation = Installation.make(tmp_path / "gateway", more=mailbox_table(proxy.port, postman.user))
        process = nursery.start(installation)
        try:
            proxy.cut_after = LARGE // 2
            await process.ready()
            postman.bring(1, LETTERS, large=True)
            async with asyncio.timeout(WITHIN):
                while proxy.cuts < CUTS:
                    await asyncio.sleep(0.05)
            proxy.cut_after = None
            await judge(book, "IMAP cut in the middle of letters", postman.ledger, installation, name_of=names_of_all)
            proxy.swallow()
            postman.bring(101, LETTERS)
            await asyncio.sleep(SILENT_FOR)
            proxy.heal()
            fault = "IMAP cut in the middle of letters, then silent"
            verdict = await judge(book, fault, postman.ledger, installation, runs=proxy.cuts + 1, name_of=names_of_all)
        finally:
            process.kill()
    assert verdict.kept, verdict


@pytest.mark.parametrize("mutant", ["", pytest.param("no_deduplication", marks=pytest.mark.long)])
async def test_letters_that_get_new_numbers_are_there_once_and_the_new_ones_too(
    tmp_path: Path, book: Book, dovecot_server: DovecotServer, mutant: str, nursery: Nursery
) -> None:
    """The same numbers under a new UIDVALIDITY (RFC 9051 section 2.3.1.1): a place alone would skip or mix them up."""
    postman = Postman(dovecot_server)
    installation = Installation.make(
        tmp_path / "gateway",
        more=mailbox_table(dovecot_server.port, postman.user),
        module="tests.faults.launcher",
        environment={"FAULTS_MUTANT": mutant} if mutant else {},
    )
    postman.bring(1, LETTERS)
    process = nursery.start(installation)
    try:
        await process.ready()
        await judge(book, "before the new numbers", postman.ledger, installation, name_of=names_of_all)
        process.kill()
        dovecot_server.forget_numbers(postman.user)
        postman.bring(101, 1)
        process = nursery.start(installation)
        await process.ready()
        fault = f"mutant: {mutant}" if mutant else "IMAP with a new UIDVALIDITY"
        verdict = await judge(book, fault, postman.ledger, installation, name_of=names_of_all)
    finally:
        process.kill()
    assert not verdict.lost
    assert bool(verdict.doubled) is bool(mutant), verdict
