"""A CRM that is down for a day, slow, overloaded, or that loses its own answers: told of everything, once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import FORM_TABLE
from tests.faults.book import Book
from tests.faults.clients import send_form
from tests.faults.nursery import Nursery
from tests.support.process import Api, Installation
from tests.support.receiver import GOOD, Receiver, Reply

LEADS = 20
HOURS = 24
TIMED_OUT = 4
"""Leads whose first delivery is not answered in time: fewer than make a CRM count as down."""
WITHIN = 240.0
"""Seconds: the pauses after failures are of the monotonic clock, and grow."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The CRM."""
    running = Receiver(any_time=True)
    await running.start()
    yield running
    await running.stop()


def crm_table(name: str, receiver: Receiver) -> str:
    """Configures a CRM that is told of new leads; more lines for it may follow."""
    return (
        f'[[crm]]\nname = "{name}"\nadapter = "webhook"\nallow_private = true\nevents = ["lead.created"]\n'
        f'url = "{receiver.url}"\nsecret = "{receiver.secret}"\n'
    )


def customers(receiver: Receiver) -> list[str]:
    """Whom a CRM was told of."""
    return [f"form-{int(kept['data']['contact']['name'].split()[-1])}" for kept in receiver.kept.values()]


class Office:
    """A gateway with one CRM and a wall clock that the test moves."""

    def __init__(self, folder: Path, receiver: Receiver, more: str = "") -> None:
        self.clock = folder / "clock"
        self.receiver = receiver
        self.ledger = Ledger()
        self.installation = Installation.make(
            folder / "gateway",
            more=FORM_TABLE + crm_table("hook", receiver) + more,
            module="tests.faults.launcher",
            environment={"FAULTS_CLOCK": str(self.clock)},
        )
        self.hours(0)

    def hours(self, number: float) -> None:
        """Set the wall clock so many hours ahead of the machine's."""
        self.clock.write_text(f"{number * 3600}", encoding="ascii")

    async def leads(self, first: int) -> None:
        """LEADS customers fill in the form."""
        names = {f"form-{number}" for number in range(first, first + LEADS)}
        self.ledger.sent |= names
        assert {await send_form(self.installation, name) for name in names} == {200}
        self.ledger.acknowledged |= names

    def told(self) -> list[str]:
        """What the CRM has, by the number of the customer; as often as it has it under different ids."""
        return customers(self.receiver)

    async def all_told(self, seconds: float) -> None:
        """Return when the CRM has everybody, or the time is over."""
        deadline = time.monotonic() + seconds
        while set(self.told()) < self.ledger.acknowledged and time.monotonic() < deadline:
            await asyncio.sleep(0.2)


async def test_a_crm_that_was_down_for_a_day_is_told_of_every_lead_once(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery
) -> None:
    """The day passes on the gateway's wall clock, an hour at a step; between the hours it tries again."""
    receiver.choose = lambda _: Reply(status=503)
    office = Office(tmp_path, receiver)
    process = nursery.start(office.installation)
    try:
        await process.ready()
        await office.leads(1)
        for hour in range(1, HOURS + 1, 4):
            office.hours(hour)
            await asyncio.sleep(0.3)
        health = await _complaint(office)
        receiver.choose = None
        office.hours(HOURS + 12)
        await office.leads(101)
        await office.all_told(WITHIN)
    finally:
        process.kill()
    assert health["status"] == "degraded"
    assert any("hook" in problem for problem in health["problems"]), health["problems"]
    verdict = book.write("CRM down for a simulated day", office.ledger, office.told(), runs=HOURS)
    assert verdict.kept, verdict


async def _complaint(office: Office) -> dict[str, Any]:
    """What /health says, as soon as it says that something is wrong."""
    deadline = time.monotonic() + WITHIN
    while True:
        health = await Api(office.installation, "").health()
        if health["problems"] or time.monotonic() > deadline:
            return health
        await asyncio.sleep(0.2)


@pytest.mark.long
async def test_a_slow_crm_holds_up_no_customer_and_no_other_crm_and_is_told_of_every_lead_once(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery
) -> None:
    """It has each lead at once, but does not answer the first tries of some within the gateway's patience."""
    receiver.choose = lambda message: Reply(
        keeps=True, hangs=message not in receiver.kept and len(receiver.kept) < TIMED_OUT
    )
    quick = Receiver(any_time=True)
    await quick.start()
    office = Office(tmp_path, receiver, "timeout = 2\n" + crm_table("quick", quick))
    process = nursery.start(office.installation)
    try:
        await process.ready()
        await office.leads(1)
        deadline = time.monotonic() + WITHIN
        while len(_twice(receiver)) < TIMED_OUT and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        await office.all_told(WITHIN)
        while len(quick.kept) < LEADS and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
    finally:
        process.kill()
        await quick.stop()
    verdict = book.write("CRM slow: no answer in time", office.ledger, office.told(), runs=len(_twice(receiver)))
    assert verdict.kept, verdict
    assert len(_twice(receiver)) == TIMED_OUT, "each was tried again, under its id"
    assert sorted(customers(quick)) == sorted(office.ledger.acknowledged)


def _twice(receiver: Receiver) -> list[str]:
    tries = Counter(arrival.message_id for arrival in receiver.arrivals)
    return [message for message, count in tries.items() if count > 1]


@pytest.mark.long
async def test_a_crm_that_misbehaves_at_random_is_told_of_every_lead_once(
    tmp_path: Path, book: Book, receiver: Receiver, chance: random.Random, nursery: Nursery
) -> None:
    """429 with Retry-After, 500, an answer lost after the CRM has it, in any order; capture does not notice."""
    bad = [
        Reply(status=429, headers={"Retry-After": "1"}),
        Reply(status=500),
        Reply(keeps=True, cut=True),
        Reply(cut=True),
    ]
    tries: dict[str, int] = {}

    def choose(message_id: str) -> Reply:
        tries[message_id] = tries.get(message_id, 0) + 1
        return chance.choice(bad) if tries[message_id] == 1 else GOOD

    receiver.choose = choose
    office = Office(tmp_path, receiver)
    process = nursery.start(office.installation)
    try:
        await process.ready()
        began = time.monotonic()
        await office.leads(1)
        took = time.monotonic() - began
        await office.all_told(WITHIN)
    finally:
        process.kill()
    verdict = book.write("CRM: 429, 500, reply lost, cut", office.ledger, office.told(), runs=sum(tries.values()))
    assert verdict.kept, verdict
    assert took < LEADS, "the doors do not wait for the CRM"


async def test_a_crm_that_refuses_for_good_is_shown_and_told_of_every_lead_when_it_is_tried_by_hand(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery
) -> None:
    """Every second lead is refused with 400: given up at once, in nobody's way, said by /health; nothing is lost."""
    refused: dict[str, bool] = {}
    receiver.choose = lambda message: Reply(status=400) if refused.setdefault(message, len(refused) % 2 == 0) else GOOD
    office = Office(tmp_path, receiver)
    process = nursery.start(office.installation)
    try:
        await process.ready()
        await office.leads(1)
        api = Api(office.installation, "")
        async with asyncio.timeout(WITHIN):
            while (health := await api.health())["outbox"]["dead"] < LEADS // 2:
                await asyncio.sleep(0.2)
        await _until_told(office, LEADS // 2)
        receiver.choose = None
        again = await asyncio.to_thread(office.installation.run, "outbox", "retry", "--all", "--dead")
        await office.all_told(WITHIN)
    finally:
        process.kill()
    assert any("given up" in problem for problem in health["problems"]), health["problems"]
    assert again.returncode == 0, again.stderr
    verdict = book.write("CRM refuses for good, then tried by hand", office.ledger, office.told(), runs=LEADS // 2)
    assert verdict.kept, verdict


async def _until_told(office: Office, count: int) -> None:
    async with asyncio.timeout(WITHIN):
        while len(office.told()) < count:
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_a_clock_that_jumps_back_and_forth_stops_nothing(
    tmp_path: Path, book: Book, receiver: Receiver, chance: random.Random, nursery: Nursery
) -> None:
    """While it is a day ahead the CRM is away: what is dated then must not wait for that day when it is right again."""
    office = Office(tmp_path, receiver)
    jumps = [0.0, 24.0, -1.0, 1.0, 0.0]
    process = nursery.start(office.installation)
    try:
        await process.ready()
        for number, hours in enumerate(jumps):
            receiver.choose = (lambda _: Reply(status=503)) if hours > 1 else None
            office.hours(hours)
            await office.leads(1 + number * LEADS)
        await office.all_told(WITHIN)
    finally:
        process.kill()
    verdict = book.write("wall clock +24 h, -1 h, +1 h", office.ledger, office.told(), runs=len(jumps))
    assert verdict.kept, verdict
