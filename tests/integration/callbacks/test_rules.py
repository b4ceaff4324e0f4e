"""What opens a callback, what counts, what closes it: tables of reports and what stands at the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select

from gateway.callbacks.life import Reason
from gateway.callbacks.settings import CallbacksSettings
from gateway.core.types import Channel, Direction, Inbound, Kind, Phase
from gateway.storage.store import Store
from gateway.storage.tables import Callback, Contact, Interaction, Journal, Lead
from tests.support.callbacks import (
    HOTLINE,
    IVAN,
    IVAN_AT_HOME,
    LINE,
    MOBILE,
    PETR,
    CallbackHouse,
    again,
    answered,
    call,
    from_mobile,
    minute,
    missed,
    ours,
    steps,
    told,
    written,
)

Reports = Callable[[], Sequence[Inbound]]


@pytest.fixture
def house(store: Store, tmp_path: Path) -> CallbackHouse:
    return CallbackHouse(store, tmp_path / "spool")


TABLE: list[tuple[str, Reports, list[tuple[str, int, int]]]] = [
    ("a miss opens one", lambda: [missed(minute(0))], [("open", 1, 0)]),
    ("three misses of one person are one", lambda: [missed(minute(n)) for n in (0, 3, 6)], [("open", 3, 0)]),
    ("two persons wait apart", lambda: [missed(minute(0)), missed(minute(1), who=PETR)],
     [("open", 1, 0), ("open", 1, 0)]),
    ("anonymous callers wait apart, each", lambda: [missed(minute(0), who=None), missed(minute(1), who=None)],
     [("open", 1, 0), ("open", 1, 0)]),
    ("an answered call opens none", lambda: [answered(minute(0))], []),
    ("our own call opens none", lambda: [ours(minute(0), "no_answer")], []),
    ("a part of another call opens none", lambda: [missed(minute(0), kind=Kind.PART)], []),
    ("an internal call opens none", lambda: [call(minute(0), direction=Direction.INTERNAL, outcome="no_answer")], []),
    ("a colleague's own call from his mobile opens none", lambda: [missed(minute(0), who=MOBILE)], []),
    ("we call back and are answered", lambda: [missed(minute(0)), ours(minute(5))], [("reached_by_us", 1, 0)]),
    ("we call back in vain", lambda: [missed(minute(0)), ours(minute(5), "no_answer")], [("attempted", 1, 1)]),
    ("in vain, busy, then reached",
     lambda: [missed(minute(0)), ours(minute(5), "no_answer"), ours(minute(9), "busy"), ours(minute(12))],
     [("reached_by_us", 1, 2)]),
    ("he calls again and is answered", lambda: [missed(minute(0)), answered(minute(5))],
     [("reached_by_client", 1, 0)]),
    ("somebody else is reached", lambda: [missed(minute(0)), ours(minute(5), who=PETR)], [("open", 1, 0)]),
    ("a colleague calls back from a mobile through the PBX", lambda: [missed(minute(0)), from_mobile(minute(5))],
     [("reached_by_us", 1, 0)]),
    ("a colleague tries from a mobile in vain",
     lambda: [missed(minute(0)), from_mobile(minute(5), outcome="missed")], [("attempted", 1, 1)]),
    ("a colleague calls the office, not him",
     lambda: [missed(minute(0)), answered(minute(5), who=MOBILE)], [("open", 1, 0)]),
    ("a fresh miss after closing opens anew", lambda: [missed(minute(0)), ours(minute(5)), missed(minute(9))],
     [("reached_by_us", 1, 0), ("open", 1, 0)]),
    ("an older answer does not close a newer miss", lambda: [missed(minute(9)), answered(minute(5))],
     [("open", 1, 0)]),
    ("a miss reported after its answer is born over", lambda: [answered(minute(5)), missed(minute(0))],
     [("reached_by_client", 1, 0)]),
    ("a miss reported after the answer to another joins what that closed",
     lambda: [missed(minute(0)), ours(minute(9)), missed(minute(4))], [("reached_by_us", 2, 0)]),
    ("an attempt of before the miss does not count", lambda: [missed(minute(9)), ours(minute(5), "no_answer")],
     [("open", 1, 0)]),
    ("an answer between two misses leaves the second",
     lambda: [missed(minute(0)), missed(minute(9)), ours(minute(5))], [("open", 2, 0)]),
    ("a form that asks for a call", lambda: [written(minute(0))], [("open", 1, 0)]),
    ("a form that asks for nothing", lambda: [written(minute(0), text="Сколько стоит кухня?")], []),
    ("a letter that asks for a call", lambda: [written(minute(0), Channel.MAIL, text="Please call me back!")],
     [("open", 1, 0)]),
    ("a miss and a form of one person are one", lambda: [missed(minute(0)), written(minute(3))], [("open", 2, 0)]),
    ("an automatic reply asks for nothing",
     lambda: [written(minute(0), Channel.MAIL, text="Call me back", kind=Kind.AUTO_REPLY)], []),
    ("spam asks for nothing", lambda: [written(minute(0), kind=Kind.SPAM)], []),
    ("our letter closes nothing by default",
     lambda: [missed(minute(0)), written(minute(5), Channel.MAIL, direction=Direction.OUTBOUND)], [("open", 1, 0)]),
    ("a call that is answered while it lasts closes at once",
     lambda: [missed(minute(0)), ours(minute(5), phase=Phase.ANSWERED)], [("reached_by_us", 1, 0)]),
    ("a call that rings closes nothing", lambda: [missed(minute(0)), ours(minute(5), "", phase=Phase.RINGING)],
     [("open", 1, 0)]),
    ("a voicemail", lambda: [missed(minute(0), "voicemail", voicemail=True)], [("open", 1, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("reports", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_what_stands_at_the_end(
    house: CallbackHouse, reports: Reports, expected: list[tuple[str, int, int]]
) -> None:
    items = reports()
    await house.take(*items)
    assert told(house.all()) == expected
    await house.take(*(again(item) for item in items))
    assert told(house.all()) == expected, "every report once more changes nothing"


@pytest.mark.peer("postgresql")
async def test_the_same_table_on_postgresql(any_store: Store, tmp_path: Path) -> None:
    for name, reports, expected in TABLE:
        await any_store.write(_empty)
        house = CallbackHouse(any_store, tmp_path / "spool")
        items = reports()
        await house.take(*items, *(again(item) for item in items))
        assert told(house.all()) == expected, name


def _empty(connection: Connection) -> None:
    for table in (Callback, Journal, Interaction, Lead, Contact):
        connection.execute(delete(table))


@pytest.mark.parametrize(
    "reason",
    ["no_answer", "busy", "rejected", "unavailable", "caller_hung_up", "queue_abandoned", "queue_timeout",
     "ivr_abandoned", "announcement", "voicemail"],
)  # fmt: skip
async def test_every_reason_of_a_missed_call_opens_a_callback_that_says_it(house: CallbackHouse, reason: str) -> None:
    """mikopbx/Core #112, #125: a call that ends in the menu is missed too."""
    await house.take(missed(minute(0), reason))
    assert (house.one().reason, house.one().line, house.one().number) == (reason, LINE, IVAN)


async def test_a_call_after_hours_says_so_and_is_due_on_the_next_working_morning(house: CallbackHouse) -> None:
    """MicrosoftDocs dynamics-365 #3211: how many calls arrived while closed?"""
    night = minute(12 * 60)  # midnight in Moscow
    await house.take(missed(night))
    found = house.one()
    assert found.reason == "after_hours"
    assert found.due_at == minute(-180 + 24 * 60 + 30), "Tuesday 9:30"
    assert not found.overdue


async def test_a_missed_call_knows_everything_that_a_manager_needs(house: CallbackHouse) -> None:
    """mikopbx #74: the phone of a missed call is not in the lead; frappe/crm #1352: nothing can be made of it."""
    await house.take(
        missed(minute(0), "queue_abandoned"), missed(minute(4), line=HOTLINE), ours(minute(5), "no_answer")
    )
    found = house.one()
    assert (found.first_at, found.last_at, found.waiting_since) == (minute(0), minute(4), minute(0))
    assert [one.line for one in found.all_tries] == [LINE, HOTLINE]
    assert [one.reason for one in found.all_tries] == ["queue_abandoned", "no_answer"]
    assert found.contact is not None
    assert found.contact.phones == [IVAN]
    assert found.lead is not None
    assert found.last_attempt_at == minute(5)
    assert found.due_at == minute(30)
    assert steps(found) == ["opened", "tried", "attempted"]


async def test_answered_call_is_not_titled_missed_whatever_the_order_of_its_reports(house: CallbackHouse) -> None:
    """asterlink #3: answered calls are titled "missed" because of a race between answer and hang-up."""
    await house.take(missed(minute(0), key="a"))
    assert told(house.all()) == [("open", 1, 0)]
    better = answered(minute(0), key="a")
    await house.take(better)
    assert told(house.all()) == [("reached_by_client", 1, 0)]


async def test_two_quick_calls_are_two_and_the_answered_one_counts(house: CallbackHouse) -> None:
    """mikopbx Bitrix24 #42: two quick calls collapse into one, the successful one is lost."""
    await house.take(missed(minute(0)), answered(minute(0.2)))
    assert told(house.all()) == [("reached_by_client", 1, 0)]


async def test_both_ways_of_being_reached_are_told_apart(house: CallbackHouse) -> None:
    """Pearl-PBX #23: how many were later reached, either way, and who remains."""
    await house.take(
        missed(minute(0)), missed(minute(0), who=PETR), missed(minute(0), who=IVAN_AT_HOME),
        ours(minute(5)), answered(minute(6), who=PETR),
    )  # fmt: skip
    assert sorted(found.state for found in house.all()) == ["open", "reached_by_client", "reached_by_us"]


async def test_a_person_who_calls_again_is_back_on_the_list(house: CallbackHouse) -> None:
    """DCAF #899."""
    await house.take(missed(minute(0)))
    key = house.one().id
    await house.store.write(lambda c: house.desk.close(c, key, house.by(), Reason.NOT_NEEDED))
    await house.take(missed(minute(60)))
    assert [found.state for found in house.all()] == ["closed", "open"]


async def test_unanswered_call_of_ours_belongs_to_the_person(house: CallbackHouse) -> None:
    """yaai #53."""
    await house.take(missed(minute(0)), ours(minute(5), "no_answer"))
    attempt = next(step for step in house.one().history if step.kind == "attempted")
    query = select(Interaction.contact_id).where(Interaction.id == attempt.interaction)
    whose = house.store.peek(lambda c: c.execute(query).scalar_one())
    contact = house.one().contact
    assert contact is not None
    assert whose == contact.id
    assert attempt.detail == {"outcome": "no_answer"}


async def test_our_own_numbers_are_nobody_s_callback(house: CallbackHouse) -> None:
    """frappe/crm #975: every call is linked to our own number."""
    await house.take(missed(minute(0), who=MOBILE), from_mobile(minute(1), outcome="missed"))
    assert house.all() == []


async def test_missed_call_when_nobody_was_there_opens_one_all_the_same(house: CallbackHouse) -> None:
    """ringcentral/hubspot #301: missed calls when nobody was logged in create no contact."""
    await house.take(missed(minute(0), "unavailable", rang=[]))
    assert (house.one().owner, house.one().state) == (None, "open")


async def test_any_number_of_the_person_counts(house: CallbackHouse) -> None:
    """A form told that both numbers are one person's."""
    await house.take(written(minute(-60), text="Кухня", who=IVAN, email="ivan@example.com"))
    await house.take(written(minute(-50), text="Кухня", who=IVAN_AT_HOME, email="ivan@example.com"))
    await house.take(missed(minute(0)), ours(minute(5), who=IVAN_AT_HOME))
    assert told(house.all()) == [("reached_by_us", 1, 0)]


@pytest.mark.parametrize(("after", "in_time"), [(29, True), (31, False)])
async def test_reached_in_time_or_late(house: CallbackHouse, after: int, in_time: bool) -> None:
    await house.take(missed(minute(0)), ours(minute(after)))
    found = house.one()
    assert (found.in_time, found.close_reason) == (in_time, "answered_our_call")
    assert found.closed_by is not None
    assert found.history[-1].interaction == found.closed_by


async def test_events_are_told_once(house: CallbackHouse) -> None:
    reports = [missed(minute(0)), missed(minute(1)), ours(minute(5), phase=Phase.ANSWERED, key="b"),
               ours(minute(5), key="b")]  # fmt: skip
    await house.take(*reports, *(again(report) for report in reports))
    assert house.outbox.told() == ["callback.opened", "callback.closed"]
    opened, closed = (event for event in house.outbox.events if event.type.startswith("callback."))
    contact = house.one().contact
    assert contact is not None
    assert opened.order_key == closed.order_key == contact.id
    assert (opened.data["state"], opened.data["reason"]) == ("open", "no_answer")
    assert (closed.data["state"], closed.lead_id) == ("reached_by_us", house.one().lead)


async def test_what_is_long_ago_opens_nothing(house: CallbackHouse) -> None:
    old = missed(minute(0) - timedelta(days=4), connector="cel")
    history = missed(minute(0) - timedelta(days=60), connector="cel", who=PETR)
    await house.take(replace(old, received_at=minute(0)), replace(history, received_at=minute(0)))
    assert house.all() == []


async def test_a_miss_of_yesterday_that_is_read_now_is_overdue_at_once(house: CallbackHouse) -> None:
    late = missed(minute(-2 * 24 * 60), connector="cel")
    await house.take(replace(late, received_at=minute(0)))
    found = house.one()
    assert found.overdue
    assert found.first_at == minute(-2 * 24 * 60)


async def test_a_withheld_number_that_becomes_known_gives_the_callback_its_person(house: CallbackHouse) -> None:
    await house.take(missed(minute(0), who=None, key="w"))
    assert house.one().contact is None
    await house.take(missed(minute(0), "voicemail", who=IVAN, key="w"))
    found = house.one()
    assert found.contact is not None
    assert (found.reason, found.number) == ("voicemail", IVAN)
    await house.take(ours(minute(5)))
    assert house.one().state == "reached_by_us"


SETTINGS: list[tuple[str, dict[str, Any], Reports, list[tuple[str, int, int]]]] = [
    ("nothing opens", {"enabled": False}, lambda: [missed(minute(0)), written(minute(1))], []),
    ("all forms", {"forms": "all"}, lambda: [written(minute(0), text="Кухня")], [("open", 1, 0)]),
    ("no forms", {"forms": "none"}, lambda: [written(minute(0))], []),
    ("a form by its key", {"forms": "none", "call_forms": ("site",)}, lambda: [written(minute(0), text="-")],
     [("open", 1, 0)]),
    ("no letters", {"mail": "none"}, lambda: [written(minute(0), Channel.MAIL)], []),
    ("own words", {"words": ("rappel*",)}, lambda: [written(minute(0), text="Rappelez-moi")], [("open", 1, 0)]),
    ("an ignored reason", {"ignored_reasons": ("announcement",)}, lambda: [missed(minute(0), "announcement")], []),
    ("a letter of ours closes", {"letter_closes": True},
     lambda: [missed(minute(0)), written(minute(5), Channel.MAIL, direction=Direction.OUTBOUND)],
     [("reached_by_us", 1, 0)]),
    ("an acknowledgement closes nothing", {"letter_closes": True},
     lambda: [missed(minute(0)), written(minute(5), Channel.MAIL, direction=Direction.OUTBOUND,
                                         details={"purpose": "acknowledgement"})], [("open", 1, 0)]),
    ("an automatic reply closes nothing", {"letter_closes": True},
     lambda: [missed(minute(0)), written(minute(5), Channel.MAIL, direction=Direction.OUTBOUND,
                                         kind=Kind.AUTO_REPLY)], [("open", 1, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "reports", "expected"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS]
)
async def test_what_the_settings_change(
    store: Store, tmp_path: Path, keys: dict[str, Any], reports: Reports, expected: list[tuple[str, int, int]]
) -> None:
    house = CallbackHouse(store, tmp_path / "spool", settings=CallbacksSettings(**keys))
    await house.take(*reports())
    assert told(house.all()) == expected


async def test_whatever_the_order_of_the_reports_the_person_waits_exactly_if_nobody_answered_since(
    store: Store, tmp_path: Path
) -> None:
    """Every order of four reports, in one house, each with a person of its own."""
    house = CallbackHouse(store, tmp_path / "spool")
    house.at(minute(60))
    makers: list[Callable[[str], Inbound]] = [
        lambda who: missed(minute(0), who=who),
        lambda who: ours(minute(10), who=who),
        lambda who: missed(minute(20), who=who),
        lambda who: ours(minute(15), "no_answer", who=who),
    ]
    for number, order in enumerate(itertools.permutations(makers)):
        who = f"+7926{1234000 + number}"
        await house.take(*(replace(make(who), received_at=minute(60)) for make in order))
        waiting = {found.number: found for found in house.waiting()}
        assert len(waiting) == number + 1, order
        assert waiting[who].waiting_since == minute(20), order
