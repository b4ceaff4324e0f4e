"""Everything at once: traffic on all channels, and a nemesis that draws one fault after the other. 30 minutes, or 15 s.

The draw is repeated by ``LEADGATE_SEED``; ``LEADGATE_NEMESIS_SECONDS`` makes it longer or shorter.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.ledger import Ledger, Verdict
from tests.acceptance.load import FORM_TABLE, Load
from tests.faults.book import SETTLED_WITHIN, Book, judge
from tests.faults.conftest import thorough
from tests.faults.exchange import Exchange
from tests.faults.nemesis import FLOOR_MIB, Crm, Nemesis, calls, letters
from tests.faults.postman import Postman
from tests.faults.smalldisk import small_disk
from tests.faults.ways import mailbox_table, names_of_all, people_told, person_of
from tests.peers.dovecot import DovecotServer
from tests.support.faultproxy import FaultProxy
from tests.support.process import Installation
from tests.support.receiver import GOOD, Receiver

LONG_SECONDS, QUICK_SECONDS, MUTANT_SECONDS = 1800.0, 15.0, 25.0
CALL_EVERY, LETTER_EVERY = 0.3, 1.0
FIRST_LETTER = 3_000_000
"""Numbers of the letters in the mailbox begin here, so that they are nobody else's."""
DISK = "640m"

pytestmark = [pytest.mark.peer("dovecot")]


@dataclass(frozen=True, kw_only=True)
class World:
    """A gateway, and all that it talks to."""

    installation: Installation
    exchange: Exchange
    postman: Postman
    crm: Crm
    nemesis: Nemesis


@asynccontextmanager
async def world(
    folder: Path, server: DovecotServer, chance: random.Random, *, mutant: str = "", only: Collection[str] = ()
) -> AsyncIterator[World]:
    """All of it runs, and goes at the end."""
    postman, receiver = Postman(server), Receiver()
    await receiver.start()
    crm = Crm(receiver, random.Random(chance.random()))
    try:
        async with (
            Exchange(folder) as exchange,
            FaultProxy(exchange.server.port) as pbx,
            FaultProxy(server.port) as mailbox,
        ):
            more = FORM_TABLE + exchange.config(port=pbx.port) + mailbox_table(mailbox.port, postman.user) + crm.table
            more += f"[storage]\nmin_free_mib = {FLOOR_MIB}\n"
            installation = Installation.make(
                folder / "gateway",
                more=more,
                module="tests.faults.launcher",
                environment={"FAULTS_MUTANT": mutant} if mutant else {},
            )
            with small_disk(installation.data, DISK) as mounted:
                disk = installation.data if mounted else None
                nemesis = Nemesis(installation, chance, pbx=pbx, mailbox=mailbox, crm=crm, disk=disk, only=only)
                try:
                    await nemesis.process.ready()
                    yield World(installation=installation, exchange=exchange, postman=postman, crm=crm, nemesis=nemesis)
                finally:
                    nemesis.process.kill()
    finally:
        await receiver.stop()


async def test_traffic_on_all_channels_survives_everything_at_once(
    tmp_path: Path, book: Book, chance: random.Random, dovecot_server: DovecotServer
) -> None:
    seconds = float(os.environ.get("LEADGATE_NEMESIS_SECONDS") or (LONG_SECONDS if thorough() else QUICK_SECONDS))
    async with world(tmp_path, dovecot_server, chance) as here:
        stored, in_crm = await _survived(here, book, f"nemesis, {seconds:.0f} s on all channels", seconds)
    assert stored.kept, stored
    assert in_crm.kept, in_crm


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        ("acknowledge_before_commit", "killed"),
        ("no_deduplication", "mailbox cut"),
        ("new_message_id_each_try", "CRM lies"),
    ],
)
async def test_a_gateway_that_breaks_a_promise_is_found_out(
    tmp_path: Path, book: Book, chance: random.Random, dovecot_server: DovecotServer, mutant: str, fault: str
) -> None:
    async with world(tmp_path, dovecot_server, chance, mutant=mutant, only=[fault]) as here:
        stored, in_crm = await _survived(here, book, f"mutant: {mutant}", MUTANT_SECONDS, patience=10)
    assert bool(stored.lost) is (mutant == "acknowledge_before_commit"), stored
    assert bool(stored.doubled) is (mutant == "no_deduplication"), stored
    assert bool(in_crm.doubled) is (mutant == "new_message_id_each_try"), in_crm


async def _survived(
    here: World, book: Book, fault: str, seconds: float, patience: float = SETTLED_WITHIN
) -> tuple[Verdict, Verdict]:
    """What the gateway has of all that was sent while the nemesis struck, and what the CRM has."""
    ledger = await _storm(here, seconds)
    await _peace(here)
    runs = here.nemesis.struck.total()
    stored = await judge(book, fault, ledger, here.installation, runs=runs, patience=patience, name_of=names_of_all)
    people = Ledger(
        sent={person_of(name) for name in ledger.sent},
        acknowledged={person_of(name) for name in ledger.acknowledged},
    )
    told = people_told(list(here.crm.receiver.kept.values()))
    return stored, book.write(f"{fault}, as the CRM has it", people, told, runs=runs)


async def _storm(here: World, seconds: float) -> Ledger:
    """Customers, callers and the postman at work, while the nemesis strikes; what they sent."""
    enough = asyncio.Event()
    others = asyncio.gather(
        calls(here.exchange, CALL_EVERY, enough), letters(here.postman, FIRST_LETTER, LETTER_EVERY, enough)
    )
    async with Load(here.installation, forms=2, mails=1) as load:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await here.nemesis.strike()
        enough.set()
        await others
    print(dict(here.nemesis.struck))
    ledgers = (load.ledger, here.exchange.ledger, here.postman.ledger)
    return Ledger(
        sent=set().union(*(ledger.sent for ledger in ledgers)),
        acknowledged=set().union(*(ledger.acknowledged for ledger in ledgers)),
    )


async def _peace(here: World) -> None:
    """The CRM is well again, and an administrator, who knows it, has everything that waits tried at once."""
    here.crm.replies = (GOOD,)
    await here.nemesis.start_anew()
    done = await asyncio.to_thread(here.installation.run, "outbox", "retry", "--all")
    assert done.returncode == 0, done.stderr
