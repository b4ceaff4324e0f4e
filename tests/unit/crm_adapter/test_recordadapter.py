"""What keeps a thing from being made twice where making it takes two requests, and the second one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from crm_adapter.base import Capabilities, Context, CrmError, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.links import MemoryLinks
from crm_adapter.recordadapter import RecordAdapter, RecordOptions
from crm_adapter.recordcrm import Remote, Where
from crm_adapter.records import Call, Kind, Lead, Person
from crm_adapter.testkit import events


class TwoStepCrm:
    """Makes a lead, then its note; and calls in one step. ``fail``: what the second step raises."""

    capabilities = Capabilities(contacts=True, leads=True, calls=True)

    def __init__(self) -> None:
        self.leads: list[str] = []
        self.calls: list[Call] = []
        self.cards: list[tuple[str | None, Sequence[str], Sequence[str]]] = []
        self.fail: Callable[[], CrmError] | None = None

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        found = self.leads if kind is Kind.LEAD else []
        return Remote(id=marker) if marker in found else None

    async def find_contact(self, person: Person) -> Remote | None:
        return None

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        return Remote(id=known or person.id)

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        if known is None:
            self.leads.append(lead.id)
        if self.fail is not None:
            raise self.fail()
        return Remote(id=known or lead.id)

    async def log_call(self, call: Call, where: Where) -> Remote:
        self.calls.append(call)
        return Remote(id=call.id)

    async def show_card(self, call: Call, where: Where, users: Sequence[str], others: Sequence[str]) -> str:
        self.cards.append((call.card, users, others))
        return "card"

    async def close(self) -> None:
        return None


def adapter_of(crm: TwoStepCrm) -> RecordAdapter:
    return RecordAdapter(crm, Context(name="test", links=MemoryLinks()), RecordOptions())


@pytest.mark.parametrize("kind", [Misconfigured, Rejected, Throttled, Unavailable])
async def test_a_lead_whose_second_step_failed_is_not_made_again(kind: type[CrmError]) -> None:
    """A hold (Misconfigured) gives the try back, and after a dead letter (Rejected) comes other news: both are first
    tries that must know all the same."""
    crm = TwoStepCrm()
    adapter = adapter_of(crm)
    crm.fail = lambda: kind("the note was refused")
    with pytest.raises(kind):
        await adapter.push(events.event("lead.created", events.lead(1)))
    crm.fail = None
    await adapter.push(events.event("lead.created", events.lead(1)))
    await adapter.push(events.event("lead.updated", events.lead(1, text="more"), step=2))
    assert crm.leads == [events.ident(2, 1)]


@pytest.mark.parametrize("cards", [True, False])
async def test_a_card_is_shown_only_where_the_crm_has_cards(cards: bool) -> None:
    crm: Any = TwoStepCrm()
    crm.capabilities = Capabilities(calls=True, cards=cards)
    context = Context(name="test", links=MemoryLinks(), managers=everybody, now=lambda: events.START)
    adapter = RecordAdapter(crm, context, RecordOptions(users={"anna": "7", "oleg": "8"}))
    await adapter.push(events.event("call.ringing", events.call(1, answered=False)))
    await adapter.push(events.event("call.answered", events.call(1), step=2))
    await adapter.push(events.event("call.finished", events.call(1), step=3))
    assert crm.cards == ([(None, ["7", "8"], []), ("card", ["8"], ["7"])] if cards else [])
    assert [call.card for call in crm.calls] == ["card" if cards else None]


async def everybody() -> Sequence[Any]:
    return events.MANAGERS


async def test_news_of_a_ringing_call_that_is_over_shows_no_card() -> None:
    crm: Any = TwoStepCrm()
    crm.capabilities = Capabilities(calls=True, cards=True)
    context = Context(name="test", links=MemoryLinks(), managers=everybody, now=lambda: events.START)
    adapter = RecordAdapter(crm, context, RecordOptions(users={"oleg": "8"}))
    await adapter.push(events.event("call.finished", events.call(1)))
    await adapter.push(events.event("call.answered", events.call(1), step=2))
    assert crm.cards == []
