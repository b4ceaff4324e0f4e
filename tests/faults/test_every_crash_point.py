"""Every crash point of every way in: one customer after the other, and the gateway dies at the next system call.

The story of one item goes from the door over journal, processing and outbox to the CRM. It is told again and again; the
first time the gateway dies at the first write, then at the second, and so on until it outlives the whole story. A CRM
that never dies is told of each lead once.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.acceptance.ledger import compare
from tests.faults import ways
from tests.faults.book import Book, judge
from tests.faults.exchange import Exchange
from tests.faults.injection import Injection
from tests.faults.nursery import Nursery
from tests.faults.ways import Way, names_of_all, people_told
from tests.peers.dovecot import DovecotServer
from tests.support.process import GatewayProcess, Installation
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.long, pytest.mark.peer("strace")]

STORY_WITHIN = 30.0
"""Seconds: after that the story of one item has neither come to its end nor to the end of the process."""
ENOUGH = 1000
"""No story has so many calls of one kind."""
TOLD_WITHIN = 120.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A CRM that is never killed."""
    running = Receiver()
    await running.start()
    yield running
    await running.stop()


class Story:
    """One way in, one gateway, one CRM, and the customers who came so far."""

    def __init__(self, folder: Path, way: Way, receiver: Receiver, nursery: Nursery) -> None:
        self.way = way
        self._nursery = nursery
        self.receiver = receiver
        self.points = 0
        crm = (
            '[[crm]]\nname = "hook"\nadapter = "webhook"\nallow_private = true\nevents = ["lead.created"]\n'
            f'url = "{receiver.url}"\nsecret = "{receiver.secret}"\n'
        )
        self.installation = Installation.make(folder / "gateway", more=way.more + crm)
        self._numbers = itertools.count(1)
        self._refused: list[int] = []
        """Customers whose item was not acknowledged: they come again."""

    async def die_everywhere(self) -> None:
        """Each call of each kind, until the story is outlived."""
        for call in self.way.calls:
            for point in range(1, ENOUGH):
                if not await self._die_at(call, point):
                    print(f"{call}: {point - 1} points")
                    break
                self.points += 1
                print(f"{call} {point}", flush=True)
            else:
                raise AssertionError(f"the story has more than {ENOUGH} {call}")

    async def _die_at(self, call: str, point: int) -> bool:
        """One story; False when the process outlived it."""
        process = self._nursery.start(self.installation)
        try:
            await process.ready()
            await self._come_again()
            with Injection(process.pid, call, f"signal=SIGKILL:when={point}", self.installation.folder):
                await self._tell(process)
                return process.exit_code is not None
        finally:
            process.kill()

    async def _come_again(self) -> None:
        again, self._refused = self._refused, []
        for number in again:
            assert await self.way.tell(self.installation, number)

    async def _tell(self, process: GatewayProcess) -> None:
        """The next customer comes; returns at the end of the story, or of the process."""
        number = next(self._numbers)
        name = await self.way.tell(self.installation, number)
        if not name:
            self._refused.append(number)
        deadline = time.monotonic() + STORY_WITHIN
        while process.exit_code is None and not (name and self._is_told(name)):
            assert time.monotonic() < deadline, process.log_tail()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1 if process.exit_code is None else 0)  # the outbox notes that it was taken

    def _is_told(self, name: str) -> bool:
        return self.way.person(name) in people_told(list(self.receiver.kept.values()))

    async def last_start(self) -> GatewayProcess:
        """It runs again, and everybody who was refused has come again."""
        process = self._nursery.start(self.installation)
        await process.ready()
        await self._come_again()
        return process

    async def told(self) -> list[str]:
        """The names of who the CRM was told of, when it knows everybody or the time is over."""
        deadline = time.monotonic() + TOLD_WITHIN
        names = {self.way.person(name): name for name in self.way.ledger.sent}
        while True:
            told = [names.get(person, person) for person in people_told(list(self.receiver.kept.values()))]
            if not compare(self.way.ledger, told).lost or time.monotonic() > deadline:
                return told
            await asyncio.sleep(0.2)


async def _try(story: Story, book: Book, fault: str) -> None:
    await story.die_everywhere()
    process = await story.last_start()
    try:
        stored = await judge(
            book, f"every crash point: {fault}", story.way.ledger, story.installation, runs=story.points,
            name_of=names_of_all,
        )  # fmt: skip
        told = book.write(
            f"every crash point: {fault}, the CRM told", story.way.ledger, await story.told(), runs=story.points
        )
    finally:
        process.kill()
    assert stored.kept, stored
    assert told.kept, told
    assert story.points > len(story.way.calls)


@pytest.mark.parametrize("make", [ways.form, ways.smtp, ways.spool], ids=lambda make: str(make.__name__))
async def test_an_item_at_a_door_survives_a_death_at_each_system_call(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery, make: Callable[[], Way]
) -> None:
    await _try(Story(tmp_path, make(), receiver, nursery), book, make.__name__)


async def test_a_letter_in_a_mailbox_survives_a_death_at_each_system_call(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery, dovecot_server: DovecotServer
) -> None:
    await _try(Story(tmp_path, ways.imap(dovecot_server), receiver, nursery), book, "IMAP")


async def test_a_call_survives_a_death_at_each_system_call(
    tmp_path: Path, book: Book, receiver: Receiver, nursery: Nursery
) -> None:
    async with Exchange(tmp_path) as exchange:
        await _try(Story(tmp_path, ways.calls(exchange), receiver, nursery), book, "AMI")
