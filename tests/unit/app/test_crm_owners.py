"""The CRMs' word on whose customer calls: from memory, asked for behind the caller's back."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from crm_adapter.people import Matches, User
from crm_adapter.records import Person
from gateway.app.crmowners import MOST_UNDER_WAY, CrmOwners
from gateway.core.assignment import AssignRequest
from gateway.core.types import Channel, Handle, HandleKind, Source
from gateway.delivery.owners import FRESH_SECONDS, OwnerLookup
from tests.support.clock import MONDAY, FakeClock
from tests.support.patience import PATIENCE

OLEG = User(id="8", name="Oleg")


class Directory:
    """Oleg is our manager m-oleg."""

    async def matches(self) -> Matches:
        return Matches(user_of={"m-oleg": OLEG}, manager_of={"8": "m-oleg"}, how={"m-oleg": "mail"})


class SlowCrm:
    """Answers when it is told to; every customer is Oleg's."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.answer = asyncio.Event()
        self.directory = Directory()
        self.crm = self

    async def find_owner(self, person: Person) -> User | None:
        self.asked.append(person.phones)
        await self.answer.wait()
        return OLEG


def asking(number: int = 1, channel: Channel = Channel.CALL) -> AssignRequest:
    handles = (Handle(HandleKind.PHONE, f"+7926000{number:04}"),)
    return AssignRequest(
        contact_id=None, handles=handles, channel=channel, line=None, source=Source(name="office"), at=MONDAY
    )


def owners_of(crm: SlowCrm, clock: FakeClock, seconds: float = 5) -> CrmOwners:
    adapters = cast(Any, {"office": crm})
    return CrmOwners(OwnerLookup(adapters, clock, seconds=seconds))


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_caller_waits_for_no_crm_and_the_answer_is_there_the_next_time() -> None:
    crm, clock = SlowCrm(), FakeClock()
    owners = owners_of(crm, clock)
    await owners.start()
    assert owners(asking()) is None
    await turns()
    assert owners(asking()) is None, "the CRM thinks"
    crm.answer.set()
    await turns()
    assert owners(asking()) == "m-oleg"
    await turns()
    assert crm.asked == [("+79260000001",)], "asked once"
    clock.move(FRESH_SECONDS + 1)
    assert owners(asking()) is None
    await owners.stop()


async def test_a_crm_that_answers_nothing_delays_nobody_and_is_not_asked_by_everybody_at_once() -> None:
    crm = SlowCrm()
    owners = owners_of(crm, FakeClock(), seconds=0.01)
    await owners.start()
    assert [owners(asking(number)) for number in range(50)] == [None] * 50
    await turns()
    assert len(crm.asked) == MOST_UNDER_WAY
    async with asyncio.timeout(PATIENCE):
        while owners._under_way:
            await asyncio.sleep(0.005)
    assert owners(asking(0)) is None
    await turns()
    assert len(crm.asked) == MOST_UNDER_WAY, "that it says nothing is remembered too"
    await owners.stop()


async def test_the_question_may_come_from_another_thread() -> None:
    crm = SlowCrm()
    owners = owners_of(crm, FakeClock())
    await owners.start()
    crm.answer.set()
    assert await asyncio.to_thread(owners, asking()) is None
    await turns()
    assert await asyncio.to_thread(owners, asking()) == "m-oleg"
    await owners.stop()


async def test_letters_and_forms_use_an_answer_and_ask_for_none() -> None:
    crm = SlowCrm()
    owners = owners_of(crm, FakeClock())
    await owners.start()
    crm.answer.set()
    assert owners(asking(channel=Channel.FORM)) is None
    await turns()
    assert crm.asked == []
    owners(asking())
    await turns()
    assert owners(asking(channel=Channel.FORM)) == "m-oleg"
    await owners.stop()


async def test_nobody_is_asked_before_the_start_after_the_stop_or_without_a_number() -> None:
    crm = SlowCrm()
    owners = owners_of(crm, FakeClock())
    assert owners(asking()) is None
    await owners.start()
    nobody = AssignRequest(
        contact_id=None, handles=(), channel=Channel.CALL, line=None, source=Source(name="office"), at=MONDAY
    )
    assert owners(nobody) is None
    await owners.stop()
    assert owners(asking()) is None
    await turns()
    assert crm.asked == []
