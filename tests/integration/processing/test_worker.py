"""From the journal to contacts, leads and events, on both databases, whatever fails on the way."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.core.clock import new_id
from gateway.core.placement import Event, Placement
from gateway.core.types import Direction, Draft, Handle, HandleKind, Inbound, Json, Kind, Phase
from gateway.processing.reading import READING
from gateway.processing.step import Rules
from gateway.processing.worker import BACK_OFF, ProcessingWorker, backlog
from gateway.storage.store import Store
from gateway.storage.tables import Change, Contact, ContactHandle, Interaction, Journal, Lead
from gateway.storage.writer import BACKGROUND_SHARE
from tests.support.clock import FakeClock
from tests.support.items import call, form, handles, letter
from tests.support.patience import PATIENCE


class Reader:
    """An interpreter of letters that reads what the test wrote into the raw bytes."""

    def __init__(self) -> None:
        self.failures = 0
        self.silent = asyncio.Event()
        self.silent.set()
        self.slow = b""
        """Only letters with this in them wait for ``silent``."""

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        if self.slow in raw:
            await self.silent.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("this letter broke the reader")
        return Draft(
            direction=Direction.INBOUND,
            phase=Phase.ENDED,
            occurred_at=received_at,
            handles=handles(email=str(meta["mail_from"])),
            subject="A question",
            text=raw.decode("ascii", "replace"),
        )


class House:
    """The sink and the worker on one store, driven by hand."""

    def __init__(self, store: Store, folder: Path, **rules: Any) -> None:
        self.store = store
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.wanted: set[str] = set()
        """News of the moment that somebody wants."""
        self.reader = Reader()
        self.sink = DurableSink(
            store=store, spool=Spool(folder), clock=self.clock, new_id=new_id, keep=None, on_stored=lambda: None,
            patience=PATIENCE,
        )  # fmt: skip
        facts: dict[str, Any] = {
            "own_handles": frozenset(), "own_domains": frozenset(), "open_for_outbound": False, "keep": None,
        }  # fmt: skip
        self.worker = ProcessingWorker(
            store=store,
            interpreters={"smtp": self.reader},
            rules=Rules(**(facts | rules)),
            outgoing=self,
            clock=self.clock,
            new_id=new_id,
            on_processed=lambda: None,
        )

    def wants_any(self) -> bool:
        return True

    def wants(self, event_type: str) -> bool:
        return event_type in self.wanted

    def put(self, _connection: Connection, event: Event, _at: datetime) -> None:
        self.events.append(event)

    async def take(self, *items: Inbound) -> None:
        """Capture and process until nothing is left to do."""
        for item in items:
            await self.sink.accept(item)
        await self.settle()

    async def settle(self) -> None:
        while await self.worker.run_once() + await self.worker.reading_done():
            pass

    def rows(self, *columns: Any) -> list[Any]:
        query = select(*columns).order_by(columns[0])
        return [tuple(row) for row in self.store.peek(lambda connection: connection.execute(query).all())]

    def count(self, table: Any) -> int:
        return self.store.peek(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def house(any_store: Store, tmp_path: Path) -> House:
    return House(any_store, tmp_path / "spool")


async def test_a_call_that_goes_on_is_told_of_where_somebody_wants_to_hear_of_it(house: House) -> None:
    phases = (Phase.RINGING, Phase.ANSWERED, Phase.ENDED)
    for phase in phases:
        await house.take(call("7", phase))
    assert [event.type for event in house.events if event.type.startswith("call.")] == ["call.finished"]
    house.events.clear()
    house.wanted = {"call.ringing", "call.answered"}
    for phase in phases:
        await house.take(call("8", phase))
    told = [event for event in house.events if event.type.startswith("call.")]
    assert [event.type for event in told] == ["call.ringing", "call.answered", "call.finished"]
    assert [event.data["phase"] for event in told] == ["ringing", "answered", "ended"]
    assert len({(event.interaction_id, event.order_key) for event in told}) == 1
    house.events.clear()
    await house.take(*(call("9", phase) for phase in phases))
    told = [event for event in house.events if event.type.startswith("call.")]
    assert [event.type for event in told] == ["call.finished"], "a call that is over already rings no more"


@pytest.mark.parametrize("anybody", [True, False])
async def test_those_who_follow_know_whether_anybody_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch, anybody: bool
) -> None:
    told: list[bool] = []

    class Follower:
        def follow(self, _connection: Connection, placement: Placement) -> Sequence[Event]:
            told.append(placement.is_told)
            return ()

    monkeypatch.setattr(house, "wants_any", lambda: anybody)
    house.worker.followers = (Follower(),)
    await house.take(form("1", phone="8 926 123-45-67"))
    assert (told, bool(house.events)) == ([anybody], anybody)


async def test_letters_are_read_in_batches_and_a_slow_one_delays_only_itself(house: House) -> None:
    """parsedmarc #46: a slow letter held up all that came behind it."""
    house.reader.silent.clear()
    house.reader.slow = b"slow"
    await house.sink.accept(letter("slow", b"a slow one"))
    for number in range(2 * READING):
        await house.sink.accept(letter(f"quick-{number}"))
    await house.worker.start()
    async with asyncio.timeout(60):
        while house.worker.figures.processed < 2 * READING:
            await asyncio.sleep(0.01)
    assert house.store.peek(backlog).waiting == 1
    house.reader.silent.set()
    async with asyncio.timeout(30):
        while house.store.peek(backlog).waiting:
            await asyncio.sleep(0.01)
    await house.worker.stop()
    assert house.worker.figures.processed == 2 * READING + 1


async def test_large_raw_items_are_loaded_one_by_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.processing.reading.READING_OCTETS", 10)
    house.reader.silent.clear()
    for number in range(3):
        await house.sink.accept(letter(f"large-{number}"))
    begun = [await house.worker.run_once() for _ in range(3)]
    assert begun == [1, 0, 0], "the second one waits until the first is out of memory"
    house.reader.silent.set()
    await house.settle()
    assert house.worker.figures.processed == 3


async def test_a_form_opens_a_lead_with_its_contact_and_its_source(house: House) -> None:
    await house.take(form("1", phone="8 926 123-45-67", email="ivan@example.com", name="Иван"))
    assert house.rows(Contact.name) == [("Иван",)]
    assert house.rows(ContactHandle.value) == [("+79261234567",), ("ivan@example.com",)]
    [(channel, status, text, source)] = house.rows(Lead.channel, Lead.status, Lead.text, Lead.source)
    assert (channel, status, text, source["utm"]) == ("form", "open", "Please call me.", {"source": "yandex"})
    assert [event.type for event in house.events] == ["contact.upserted", "lead.created", "form.received"]
    assert {kind for (kind,) in house.rows(Change.kind)} == {"lead.created", "interaction.updated"}


async def test_who_called_wrote_and_filled_a_form_is_one_contact_with_one_lead(house: House) -> None:
    await house.take(
        call("7", Phase.RINGING), call("7", Phase.ENDED, outcome="missed"), letter("a"),
        form("1", phone="+79261234567", email="ivan@example.com"),
    )  # fmt: skip
    living = [row for row in house.rows(Contact.id, Contact.merged_into) if row[1] is None]
    assert len(living) == 1
    assert {contact for (contact,) in house.rows(Interaction.contact_id)} == {living[0][0]}
    open_leads = [row for row in house.rows(Lead.id, Lead.status) if row[1] == "open"]
    assert len(open_leads) == 1
    assert {lead for (lead,) in house.rows(Interaction.lead_id)} == {open_leads[0][0]}


async def test_a_call_is_a_lead_while_it_still_rings_and_one_lead_when_it_ended(house: House) -> None:
    await house.take(call("7", Phase.RINGING))
    assert house.count(Lead) == 1
    await house.take(call("7", Phase.ANSWERED), call("7", Phase.ENDED, outcome="answered"))
    assert house.count(Lead) == 1
    assert [event.type for event in house.events] == [
        "contact.upserted", "lead.created", "lead.updated", "lead.updated", "call.finished",
    ]  # fmt: skip


async def test_a_caller_who_withholds_his_number_is_a_lead_all_the_same(house: House) -> None:
    await house.take(call("7", Phase.RINGING, caller=None), call("7", Phase.ENDED, caller=None, outcome="missed"))
    assert house.rows(Lead.contact_id, Lead.channel) == [(None, "call")]


async def test_internal_calls_and_spam_are_recorded_and_open_nothing(house: House) -> None:
    await house.take(
        call("1", Phase.ENDED, caller=None, direction=Direction.INTERNAL, outcome="answered"),
        form("2", phone="+79261234567", kind=Kind.SPAM),
    )
    assert house.count(Lead) == 0
    assert house.count(Interaction) == 2
    assert house.events == []


async def test_our_own_call_joins_an_open_lead_and_opens_none(house: House) -> None:
    await house.take(call("1", Phase.ENDED, direction=Direction.OUTBOUND, outcome="answered"))
    assert house.count(Lead) == 0
    await house.take(call("2", Phase.ENDED, outcome="missed"))
    await house.take(call("3", Phase.ENDED, direction=Direction.OUTBOUND, outcome="answered"))
    assert house.count(Lead) == 1
    assert [lead is not None for (_, lead) in house.rows(Interaction.key, Interaction.lead_id)] == [False, True, True]


async def test_the_company_itself_is_never_a_contact(any_store: Store, tmp_path: Path) -> None:
    house = House(
        any_store,
        tmp_path / "spool",
        own_handles=frozenset({Handle(HandleKind.PHONE, "+74950000101")}),
        own_domains=frozenset({"company.example"}),
    )
    await house.take(form("1", phone="+74950000101", email="boss@company.example"))
    assert house.count(Contact) == 0
    assert house.rows(Lead.contact_id) == [(None,)]


async def test_a_letter_is_read_after_it_was_stored(house: House) -> None:
    await house.sink.accept(letter("a", raw=b"Please call"))
    assert house.rows(Interaction.phase, Interaction.text) == [("received", "")]
    await house.settle()
    assert house.rows(Interaction.phase, Interaction.subject, Interaction.text) == [
        ("ended", "A question", "Please call")
    ]
    assert house.rows(Journal.state)[0] == ("done",)
    assert house.rows(Lead.subject) == [("A question",)]


async def test_a_letter_that_takes_long_delays_nobody(house: House) -> None:
    house.reader.silent.clear()
    for number in range(20):
        await house.sink.accept(letter(f"slow-{number}"))
    await house.sink.accept(form("1", phone="+79261234567"))
    while await house.worker.run_once():
        pass
    assert house.rows(Lead.channel) == [("form",)]
    house.reader.silent.set()
    await house.settle()
    assert house.count(Lead) == 2


async def test_an_item_that_fails_is_tried_again_then_set_aside_with_its_reason(house: House) -> None:
    """GLPI #4892: what could not be read vanished with the next run. chatwoot #4130: a try that failed made copies."""
    house.reader.failures = 100
    await house.sink.accept(letter("bad"))
    await house.sink.accept(form("good", phone="+79261234567"))
    for pause in (*BACK_OFF, 0):
        await house.settle()
        house.clock.move(pause)
    [(state, attempts, error)] = [
        row[1:] for row in house.rows(Journal.id, Journal.state, Journal.attempts, Journal.error) if row[1] != "done"
    ]
    assert (state, attempts) == ("aside", len(BACK_OFF) + 1)
    assert error == "RuntimeError: this letter broke the reader"
    assert house.count(Lead) == 1
    counted = house.store.peek(backlog)
    assert (counted.waiting, counted.aside) == (0, 1)


async def test_an_item_is_not_tried_again_before_it_is_due(house: House) -> None:
    house.reader.failures = 1
    await house.take(letter("a"))
    assert house.count(Lead) == 0
    house.clock.move(BACK_OFF[0] - 0.5)
    await house.settle()
    assert house.count(Lead) == 0
    house.clock.move(1)
    await house.settle()
    assert house.count(Lead) == 1


async def test_later_reports_of_a_call_wait_for_the_earlier_ones(house: House) -> None:
    await house.sink.accept(call("7", Phase.RINGING))
    await house.sink.accept(call("7", Phase.ENDED, outcome="missed"))
    await house.worker.run_once()
    assert [state for (_, state) in house.rows(Journal.id, Journal.state)] == ["done", "new"]
    await house.settle()
    assert [state for (_, state) in house.rows(Journal.id, Journal.state)] == ["done", "done"]


async def test_an_item_of_a_connector_that_is_gone_says_so(house: House) -> None:
    stranger = letter("a")
    await house.take(
        Inbound(
            connector="fax",
            source="fax",
            channel=stranger.channel,
            dedup_key="fax:1",
            key="fax:1",
            raw=b"",
            received_at=stranger.received_at,
            pending="to be parsed",
        )
    )
    assert "no part of this Leadgate reads items of the connector 'fax'" in house.rows(Journal.error)[0][0]


async def test_the_worker_started_after_a_crash_does_what_was_left(house: House) -> None:
    for number in range(30):
        await house.sink.accept(form(str(number), phone=f"+7926123{number:04d}"))
    await house.worker.start()
    async with asyncio.timeout(20):
        while house.store.peek(backlog).waiting:
            await asyncio.sleep(0.01)
    await house.worker.stop()
    assert house.count(Lead) == 30


async def test_a_worker_that_falls_behind_gets_more_of_the_writer_until_it_has_caught_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.processing.worker.BATCH", 5)
    monkeypatch.setattr("gateway.processing.worker.BEHIND", 10)
    for number in range(12):
        await house.sink.accept(form(str(number), phone=f"+7926123{number:04d}"))
    shares = []
    while await house.worker.run_once():
        shares.append(house.store.writer.background_share)
    assert shares == [BACKGROUND_SHARE, 1.0, BACKGROUND_SHARE]


async def test_nothing_is_read_any_more_after_the_stop(house: House) -> None:
    house.reader.silent.clear()
    for number in range(READING + 10):
        await house.sink.accept(letter(f"slow-{number}"))
    await house.worker.start()
    await asyncio.sleep(0)  # the worker is in the middle of looking for work
    await house.worker.stop()
    assert await house.worker.reading_done() == 0
    assert house.worker.figures.processed == 0


async def test_every_item_is_done_once_although_two_workers_share_the_database(house: House, tmp_path: Path) -> None:
    twin = House(house.store, tmp_path / "twin")
    for number in range(40):
        await house.sink.accept(
            form(str(number), phone=f"+7926123{number % 7:04d}", email=f"p{number % 5}@example.com")
        )
    await asyncio.gather(house.settle(), twin.settle())
    assert house.worker.figures.failed == twin.worker.figures.failed == 0
    assert house.store.peek(backlog).waiting == 0
    received = [event.interaction_id for event in house.events + twin.events if event.type == "form.received"]
    assert len(set(received)) == 40
    living = [row for row in house.rows(Contact.id, Contact.merged_into) if row[1] is None]
    assert len(living) == 1  # the phones and addresses overlap: all of them are one person


@pytest.mark.parametrize(
    ("connector", "days", "opens"), [("mailfile", 31, 0), ("imap", 29, 1), ("cdr", 400, 0), ("smtp", 400, 1)]
)
async def test_old_items_that_were_read_later_are_history_and_no_leads(
    any_store: Store, tmp_path: Path, connector: str, days: int, opens: int
) -> None:
    house = House(any_store, tmp_path / "spool", history=timedelta(days=30))
    item = form("1", phone="+79261234567", occurred_at=house.clock.now() - timedelta(days=days))
    await house.take(dataclasses.replace(item, connector=connector))
    assert (house.count(Lead), house.count(Contact), house.count(Interaction)) == (opens, 1, 1)
    assert bool(house.events) is bool(opens)


async def test_leads_are_kept_as_long_as_the_last_contact_asks_for(any_store: Store, tmp_path: Path) -> None:
    house = House(any_store, tmp_path / "spool", keep=timedelta(days=10))
    await house.take(form("1", phone="+79261234567"))
    house.clock.move(86400 * 5)
    await house.take(form("2", phone="+79261234567"))
    until = house.clock.now() + timedelta(days=10)
    assert house.rows(Lead.keep_until) == house.rows(Contact.keep_until) == [(until,)]
