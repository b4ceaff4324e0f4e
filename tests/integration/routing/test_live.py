"""A caller who waits: who he is, where he goes, and that no database ever holds him."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.core.assignment import NOBODY
from gateway.core.clock import SystemClock
from gateway.core.errors import StoreUnavailable
from gateway.core.types import Handle, HandleKind
from gateway.routing import absences
from gateway.routing.absences import NewAbsence
from gateway.routing.assign import Assigner
from gateway.routing.live import INTERNAL, OURS, ROSTER_SECONDS, LiveRouter, RouteQuestion
from gateway.routing.reader import MOST_ABANDONED, STUCK_SECONDS, PointReader
from gateway.storage.engine import peeking_engine
from gateway.storage.store import Peeker, Store
from gateway.storage.tables import Rotation
from tests.integration.routing.office import CUSTOMER, assigner, by, people, rows
from tests.support.clock import MONDAY, FakeClock
from tests.support.patience import PATIENCE
from tests.support.seed import add_contact

OFFICE = "+74950000101"
TURNS = {"give": "rotation", "to": ["anna", "boris"]}


class Desk:
    """A router on a store, with the clock in a test's hand."""

    def __init__(self, store: Store, who: Assigner, make: Callable[[], Peeker] | None = None) -> None:
        self.store = store
        self.clock = FakeClock()
        self.reader = PointReader(store, self.clock, make)
        own = [Handle(HandleKind.PHONE, "+74959999999")]
        self.router = LiveRouter(store, self.reader, who, self.clock, own_numbers=own, deadline=PATIENCE)
        self.punctual = LiveRouter(store, self.reader, who, self.clock, own_numbers=own)
        """As the gateway runs it: a busy machine makes it silent, which only tests of that silence may bear."""

    async def ask(self, caller: str | None, dialled: str | None = OFFICE) -> tuple[str | None, str] | None:
        """The extension and the rule; None where nothing is said."""
        route = await self.router.route(RouteQuestion(caller=caller, dialled=dialled, pbx="office"))
        return (route.extension, route.rule) if route else None

    async def silent(self) -> bool:
        """Whether a caller goes on without an answer."""
        return await self.punctual.route(RouteQuestion(caller=CUSTOMER, dialled=OFFICE, pbx="office")) is None


def fill(connection: Connection) -> None:
    people(connection)
    add_contact(connection, "c-ivan", name="Иван", phones=[CUSTOMER], owner_id="m-boris")


@pytest.fixture
async def desk(any_store: Store) -> AsyncIterator[Desk]:
    await any_store.write(fill)
    opened = Desk(any_store, assigner({"give": "owner"}, TURNS))
    await opened.reader.start()
    yield opened
    await opened.reader.stop()


@pytest.fixture
async def small(store: Store) -> AsyncIterator[Desk]:
    """On SQLite, with the owner's rule alone."""
    await store.write(fill)
    opened = Desk(store, assigner({"give": "owner"}))
    await opened.reader.start()
    yield opened
    await opened.reader.stop()


async def test_a_known_caller_goes_to_his_manager_in_every_spelling(desk: Desk) -> None:
    for caller in (CUSTOMER, "89261234567", "79261234567", "8 (926) 123-45-67", "sip:+79261234567@trunk"):
        assert await desk.ask(caller) == ("102", "owner"), caller
    route = await desk.router.route(RouteQuestion(caller=CUSTOMER, dialled=OFFICE))
    assert route is not None
    assert (route.contact_id, route.contact_name, route.manager_name) == ("c-ivan", "Иван", "Boris")


@pytest.mark.parametrize(
    ("caller", "rule"),
    [("101", INTERNAL), ("4567", INTERNAL), ("+79035550101", OURS), ("89035550101", OURS), ("+74959999999", OURS)],
)
async def test_who_belongs_to_the_company_is_not_routed(small: Desk, caller: str, rule: str) -> None:
    """Employee's own mobile is not routed to himself; frappe/crm #975: own numbers are no customers."""
    assert await small.ask(caller) == (None, rule)


@pytest.mark.parametrize(
    "caller", [None, "", "anonymous", "unknown", "ivan_petrov", "x" * 500, "+7926\n1234567", "\x00", "'; DROP TABLE"]
)
async def test_who_shows_no_number_goes_where_everybody_goes(small: Desk, caller: str | None) -> None:
    assert await small.ask(caller) == (None, NOBODY)
    assert await small.ask(caller, "x" * 5000) == (None, NOBODY)


async def test_an_anonymous_caller_is_given_by_the_rules_for_everybody(desk: Desk) -> None:
    assert await desk.ask(None) == ("101", "rotation")
    assert await desk.ask(None) == ("102", "rotation")


async def test_a_turn_is_stored_before_the_caller_is_told_and_kept_for_the_rest_of_the_call(desk: Desk) -> None:
    stranger = "+79260000001"
    assert [await desk.ask(stranger) for _ in range(3)] == [("101", "rotation")] * 3
    assert rows(desk.store, Rotation.manager_id, Rotation.taken) == [("m-anna", 1), ("m-boris", 0)]
    assert await desk.ask("+79260000002") == ("102", "rotation")


async def test_an_absence_entered_now_counts_within_a_second(small: Desk) -> None:
    assert await small.ask(CUSTOMER) == ("102", "owner")
    new = NewAbsence(manager="boris", starts_at=MONDAY, ends_at=MONDAY + timedelta(days=1), substitute="vera")
    await small.store.write(lambda c: absences.add(c, new, by()))
    small.clock.move(ROSTER_SECONDS)
    assert await small.ask(CUSTOMER) == ("103", "owner")


async def test_explaining_asks_every_rule_and_changes_nothing(desk: Desk) -> None:
    route = await desk.router.explain(RouteQuestion(caller=CUSTOMER, dialled=OFFICE))
    assert [(tried.rule, tried.matched) for tried in route.trail] == [("owner", True), ("rotation", True)]
    assert rows(desk.store, Rotation.manager_id) == []


class Hanging(Peeker):
    """A database that does not answer until it is let go."""

    def __init__(self, store: Store, gate: threading.Event) -> None:
        super().__init__(peeking_engine(store.url))
        self._gate = gate

    def run(self, query: Callable[[Connection], Any]) -> Any:
        self._gate.wait(30)
        return super().run(query)


class Dead(Peeker):
    """A database that says that it is away."""

    def run(self, query: Callable[[Connection], Any]) -> Any:
        raise StoreUnavailable("the database is away")


async def test_a_dead_database_gives_no_answer_at_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(store, assigner(), lambda: Dead(peeking_engine(store.url)))
    await desk.reader.start()
    assert await desk.ask(CUSTOMER) is None
    await desk.reader.stop()
    assert "route_unavailable" in [getattr(record, "action", "") for record in caplog.records]


async def test_a_database_that_hangs_gives_no_answer_in_time_and_the_loop_goes_on(store: Store) -> None:
    await store.write(fill)
    gate = threading.Event()
    made = iter([Hanging(store, gate)])
    desk = Desk(store, assigner(), lambda: next(made, Peeker(peeking_engine(store.url))))
    await desk.reader.start()
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(heart())
    assert all(await asyncio.gather(*(desk.silent() for _ in range(20))))
    assert beats > 10, "the rest of the gateway went on meanwhile"
    beating.cancel()
    desk.clock.move(STUCK_SECONDS + 1)
    assert await desk.ask(CUSTOMER) == ("102", "owner"), "another connection took over"
    gate.set()
    await desk.reader.stop()


async def test_a_database_that_keeps_hanging_does_not_cost_a_thread_a_caller(store: Store) -> None:
    gate = threading.Event()
    made: list[Hanging] = []

    def make() -> Peeker:
        made.append(Hanging(store, gate))
        return made[-1]

    desk = Desk(store, assigner(), make)
    await desk.reader.start()
    for _ in range(MOST_ABANDONED + 4):
        assert await desk.silent()
        desk.clock.move(STUCK_SECONDS + 1)
    assert len(made) == MOST_ABANDONED + 1
    gate.set()
    await desk.reader.stop()


async def test_before_the_start_and_after_the_stop_there_is_no_answer(store: Store) -> None:
    router = LiveRouter(store, PointReader(store, SystemClock()), assigner(), SystemClock())
    assert await router.route(RouteQuestion(caller=CUSTOMER, dialled=None)) is None
