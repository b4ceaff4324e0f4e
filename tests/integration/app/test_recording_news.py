"""A CRM is told of a recording when its file is there and whole; once, and over a restart too."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select

from gateway.app.recordingnews import EVENT, KEEP, PATIENCE, RecordingFollower, RecordingWatch, forget_told
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Direction, Draft, Phase
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, RecordingNews
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.seed import add_contact, add_interaction, add_lead

CALL, LEAD, PERSON = "i-1", "l-1", "c-1"
NAME = "/var/spool/asterisk/monitor/2026/11/out.wav"


@dataclass(slots=True)
class Told:
    """Implements ``processing.step.Outgoing``."""

    events: list[Event] = field(default_factory=list)
    listens: bool = True

    def wants_any(self) -> bool:
        return self.listens

    def wants(self, event_type: str) -> bool:
        return self.listens and event_type == EVENT

    def put(self, connection: Connection, event: Event, at: object) -> None:
        self.events.append(event)


@dataclass(slots=True)
class Desk:
    """A call that ended, a folder for its recording, and who looks after it."""

    store: Store
    folder: Path
    clock: FakeClock
    told: Told = field(default_factory=Told)
    place: str = ""

    def watch(self) -> RecordingWatch:
        """A new one each time, as after a restart."""
        places = {"office": self.place or str(self.folder)}
        return RecordingWatch(store=self.store, places=places, outgoing=self.told, clock=self.clock)

    async def ended(self, **more: Any) -> None:
        """The processing placed the end of the call."""
        placement = placed(self.clock.now(), **more)
        await self.store.write(lambda c: RecordingFollower(self.told).follow(c, placement))

    async def after(self, seconds: float) -> list[str]:
        """Look so many seconds later; the events so far."""
        self.clock.move(seconds)
        await self.watch().look()
        return [event.type for event in self.told.events]

    def write(self, *, ago: float) -> None:
        """The file, written to for the last time so many seconds ago."""
        path = self.folder / "2026" / "11" / "out.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        at = (self.clock.now() - timedelta(seconds=ago)).timestamp()
        os.utime(path, (at, at))


def placed(at: Any, *, details: dict[str, Any] | None = None, **more: Any) -> Placement:
    draft = Draft(
        direction=Direction.INBOUND, phase=more.pop("phase", Phase.ENDED), occurred_at=MONDAY,
        details={"recording": NAME} if details is None else details,
    )  # fmt: skip
    values = {"contact_id": PERSON, "lead_id": LEAD, "is_history": False, **more}
    return Placement(
        interaction_id=CALL, connector="ami", channel=Channel.CALL, draft=draft, lead_opened=False, after_hours=None,
        at=at, new_id=counting_ids(), keep_until=None, **values,
    )  # fmt: skip


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> Desk:
    def seed(connection: Connection) -> None:
        add_contact(connection, PERSON, name="Ivan", phones=["+79261234567"])
        add_lead(connection, LEAD, PERSON, channel="call")
        add_interaction(
            connection, CALL, channel="call", contact_id=PERSON, lead_id=LEAD, details={"recording": NAME}
        )  # fmt: skip

    await store.write(seed)
    return Desk(store, tmp_path, FakeClock())


async def test_it_is_told_of_when_the_file_is_there_and_no_longer_grows(desk: Desk) -> None:
    await desk.ended()
    assert await desk.after(1) == [], "not due yet"
    assert await desk.after(2) == [], "no file yet"
    desk.write(ago=-5)
    assert await desk.after(5) == [], "it was written to just now"
    assert await desk.after(15) == [EVENT]
    (event,) = desk.told.events
    assert (event.order_key, event.lead_id, event.interaction_id) == (PERSON, LEAD, CALL)
    assert event.data["id"] == CALL
    assert event.data["details"]["recording"] == NAME


async def test_it_is_told_of_once_however_many_reports_come(desk: Desk) -> None:
    desk.write(ago=60)
    await desk.ended()
    await desk.ended()
    assert await desk.after(3) == [EVENT]
    await desk.ended()
    assert await desk.after(3600) == [EVENT]


async def test_one_that_is_served_at_an_address_is_told_of_with_it(desk: Desk) -> None:
    desk.place = "https://pbx.example.com/rec/{file}"
    await desk.ended()
    assert await desk.after(3) == [EVENT]
    (event,) = desk.told.events
    assert event.data["details"]["recording_url"] == "https://pbx.example.com/rec/2026/11/out.wav"


async def test_a_file_that_never_comes_is_given_up(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await desk.ended()
    assert await desk.after(PATIENCE.total_seconds() - 1) == []
    assert await desk.after(3600) == []
    assert [getattr(one, "action", "") for one in caplog.records].count("recording_missing") == 1
    desk.write(ago=60)
    assert await desk.after(3600) == []


async def test_a_clock_that_is_ahead_on_the_file_server_holds_nothing_back(desk: Desk) -> None:
    await desk.ended()
    desk.write(ago=-3600)
    assert await desk.after(3) == [EVENT]


NOT: dict[str, Callable[[Desk], dict[str, Any]]] = {
    "without a recording": lambda _: {"details": {}},
    "of long ago": lambda _: {"is_history": True},
    "of no lead": lambda _: {"lead_id": None},
    "that goes on": lambda _: {"phase": Phase.ANSWERED},
}


@pytest.mark.parametrize("name", NOT)
async def test_nothing_is_looked_for_at_a_call(name: str, desk: Desk) -> None:
    await desk.ended(**NOT[name](desk))
    assert await desk.store.read(lambda c: c.execute(select(func.count()).select_from(RecordingNews)).scalar_one()) == 0


async def test_nothing_is_looked_for_where_nobody_wants_to_hear(desk: Desk) -> None:
    desk.told.listens = False
    await desk.ended()
    assert await desk.store.read(lambda c: c.execute(select(func.count()).select_from(RecordingNews)).scalar_one()) == 0


async def test_it_goes_with_its_call_and_long_after_it_was_told(desk: Desk) -> None:
    desk.write(ago=60)
    await desk.ended()
    await desk.after(3)
    assert await desk.store.write(lambda c: forget_told(c, desk.clock.now())) == 0
    desk.clock.move(KEEP.total_seconds() + 1)
    assert await desk.store.write(lambda c: forget_told(c, desk.clock.now())) == 1
    await desk.ended()
    await desk.store.write(lambda c: c.execute(delete(Interaction)))
    assert await desk.after(3) == [EVENT]
