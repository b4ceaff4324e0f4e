"""The way in: durable or refused, once, whatever the database does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.capture.room import Room
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.core.clock import new_id
from gateway.core.errors import NotDurable
from gateway.core.types import Channel, Inbound, Outcome, Phase
from gateway.storage.store import DATABASE_FILE, Store
from gateway.storage.tables import Interaction, Journal
from tests.support.clock import FakeClock
from tests.support.items import call, form, letter
from tests.support.patience import PATIENCE


@pytest_asyncio.fixture
async def sink(store: Store, tmp_path: Path) -> AsyncIterator[DurableSink]:
    """A started sink on a real store, with a short patience."""
    made = make_sink(store, tmp_path / "spool")
    await made.start()
    yield made
    await made.stop()


def make_sink(store: Store, folder: Path) -> DurableSink:
    return DurableSink(
        store=store,
        spool=Spool(folder),
        clock=FakeClock(),
        new_id=new_id,
        keep=timedelta(days=30),
        on_stored=lambda: None,
        patience=0.3,
    )


def rows(store: Store, *columns: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in store.peek(lambda connection: connection.execute(select(*columns)).all())]


class LockedDatabase:
    """Another program holds the lock, so that no write gets through."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / DATABASE_FILE

    def __enter__(self) -> None:
        self._connection = sqlite3.connect(self._file, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("COMMIT")
        self._connection.close()


async def test_an_item_is_in_the_journal_with_its_interaction(sink: DurableSink, store: Store) -> None:
    receipt = await sink.accept(form("1", phone="8 926 123-45-67", name="Иван"))
    assert receipt.outcome is Outcome.STORED
    assert rows(store, Interaction.id, Interaction.channel, Interaction.phase, Interaction.name) == [
        (receipt.interaction_id, "form", "ended", "Иван")
    ]
    assert rows(store, Journal.dedup_key, Journal.state, Journal.raw) == [("form:site:1", "new", b"phone=...")]


async def test_the_same_report_twice_is_one(sink: DurableSink, store: Store) -> None:
    first = await sink.accept(form("1"))
    second = await sink.accept(form("1"))
    assert second.outcome is Outcome.DUPLICATE
    assert second.interaction_id == first.interaction_id
    assert len(rows(store, Journal.id)) == 1


async def test_the_same_report_fifty_times_at_once_is_one(sink: DurableSink, store: Store) -> None:
    receipts = await asyncio.gather(*(sink.accept(form("1")) for _ in range(50)))
    assert sorted(receipt.outcome for receipt in receipts) == ["duplicate"] * 49 + ["stored"]
    assert len({receipt.interaction_id for receipt in receipts}) == 1
    assert len(rows(store, Interaction.id)) == 1


async def test_ringing_answered_and_ended_are_one_interaction(sink: DurableSink, store: Store) -> None:
    for phase in (Phase.RINGING, Phase.ANSWERED, Phase.ENDED):
        await sink.accept(call("7", phase, outcome="answered"))
    assert rows(store, Interaction.phase, Interaction.outcome) == [("ended", "answered")]
    assert len(rows(store, Journal.id)) == 3


async def test_reports_of_one_call_in_one_batch_are_one_interaction(sink: DurableSink, store: Store) -> None:
    phases = (Phase.RINGING, Phase.ANSWERED, Phase.ENDED)
    receipts = await asyncio.gather(*(sink.accept(call("7", phase, outcome="answered")) for phase in phases))
    assert len({receipt.interaction_id for receipt in receipts}) == 1
    assert rows(store, Interaction.phase, Interaction.outcome) == [("ended", "answered")]


async def test_a_late_report_never_goes_back(sink: DurableSink, store: Store) -> None:
    await sink.accept(call("7", Phase.ENDED, outcome="missed"))
    await sink.accept(call("7", Phase.RINGING))
    assert rows(store, Interaction.phase, Interaction.outcome) == [("ended", "missed")]
    assert len(rows(store, Journal.id)) == 2


async def test_a_letter_waits_to_be_read_but_is_there(sink: DurableSink, store: Store) -> None:
    await sink.accept(letter("a"))
    assert rows(store, Interaction.phase, Interaction.kind) == [("received", None)]
    assert rows(store, Journal.draft) == [(None,)]


async def test_items_go_to_the_spool_while_the_database_is_locked_and_come_back(
    sink: DurableSink, store: Store, tmp_path: Path
) -> None:
    with LockedDatabase(tmp_path):
        receipt = await sink.accept(form("1", name="Иван"))
        assert receipt.outcome is Outcome.SPOOLED
        assert sink.spool.state().files == 1
    assert await sink.drain()
    assert sink.spool.state().files == 0
    assert rows(store, Journal.dedup_key) == [("form:site:1",)]
    assert rows(store, Interaction.name) == [("Иван",)]


async def test_the_spool_survives_a_restart(store: Store, tmp_path: Path) -> None:
    first = make_sink(store, tmp_path / "spool")
    await first.start()
    with LockedDatabase(tmp_path):
        await first.accept(call("7", Phase.RINGING))
        await first.accept(call("7", Phase.ENDED, outcome="missed"))
        await first.stop()
    second = make_sink(store, tmp_path / "spool")
    await second.start()
    async with asyncio.timeout(PATIENCE):
        while second.spool.state().files:
            await asyncio.sleep(0.01)
    await second.stop()
    assert rows(store, Interaction.phase, Interaction.outcome) == [("ended", "missed")]


async def test_a_spooled_item_that_was_stored_after_all_is_one(sink: DurableSink, store: Store, tmp_path: Path) -> None:
    with LockedDatabase(tmp_path):
        await sink.accept(form("1"))
    await sink.accept(form("1"))  # the sender tried again before the spool was drained
    assert await sink.drain()
    assert len(rows(store, Journal.id)) == 1


async def test_without_database_and_spool_the_sender_is_told_to_come_again(
    sink: DurableSink, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "spool").rmdir()
    with LockedDatabase(tmp_path), pytest.raises(NotDurable, match="took no file"):
        await sink.accept(form("1"))
    assert sink.figures.refused == 1
    assert rows(store, Journal.id) == []


async def test_a_file_that_makes_no_sense_is_set_aside_and_stops_nobody(
    sink: DurableSink, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "spool" / "00000000000000000001-000000.item").write_bytes(b"half a fi")
    with LockedDatabase(tmp_path):
        await sink.accept(form("1"))
    assert await sink.drain()
    assert len(rows(store, Journal.id)) == 1
    state = sink.spool.state()
    assert (state.files, state.corrupt) == (0, 1)


async def test_an_item_that_we_fail_to_store_is_kept_on_disk(sink: DurableSink, store: Store) -> None:
    draft = form("1").draft
    assert draft is not None
    impossible = Inbound(
        connector="form",
        source="site",
        channel=Channel.FORM,
        dedup_key="form:site:x",
        key="form:site:x",
        raw=b"",
        received_at=draft.occurred_at.replace(tzinfo=None),  # nobody can tell which moment that is
        draft=draft,
    )
    receipt = await sink.accept(impossible)
    assert receipt.outcome is Outcome.SPOOLED
    assert await sink.drain()
    assert sink.spool.state().corrupt == 1
    assert (await sink.accept(form("2"))).outcome is Outcome.STORED
    assert len(rows(store, Journal.id)) == 1


async def test_keep_until_is_written_with_the_data(sink: DurableSink, store: Store) -> None:
    await sink.accept(form("1"))
    at = sink.clock.now() + timedelta(days=30)
    assert rows(store, Journal.keep_until) == rows(store, Interaction.keep_until) == [(at,)]


async def test_below_the_floor_of_the_disk_nothing_is_taken_and_above_it_all_is_again(
    store: Store, tmp_path: Path
) -> None:
    clock = FakeClock()
    clock.move(10)
    free = [100]
    made = make_sink(store, tmp_path / "spool")
    made.room = Room(tmp_path, 200, clock, lambda _: free[0])
    with pytest.raises(NotDurable, match="Make room"):
        await made.accept(form("k1"))
    assert made.figures.refused == 1
    assert rows(store, Journal.id) == []
    free[0] = 300
    clock.move(10)
    assert (await made.accept(form("k1"))).outcome is Outcome.STORED


async def test_a_file_that_is_being_written_is_not_waiting_yet(store: Store, tmp_path: Path) -> None:
    made = make_sink(store, tmp_path / "spool")
    made.spool.open()
    (tmp_path / "spool/.tmp-01795300000000000000-000001.item").write_bytes(b"half")
    assert made.spool.waiting() == []
    assert made.spool.state().files == 0


async def test_the_drainer_outlives_a_surprise(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a file vanished below it, and everything that came later waited for the next start."""
    monkeypatch.setattr("gateway.capture.sink.DRAIN_SECONDS", 0.01)
    made = make_sink(store, tmp_path / "spool")
    made.spool.open()
    made.spool.put(form("k1"))
    honest, surprises = made.spool.read, [FileNotFoundError(2, "No such file")]

    def read(path: Path) -> Inbound | None:
        if surprises:
            raise surprises.pop()
        return honest(path)

    monkeypatch.setattr(made.spool, "read", read)
    await made.start()
    async with asyncio.timeout(PATIENCE):
        while made.figures.drained == 0:
            await asyncio.sleep(0.01)
    await made.stop()
    assert len(rows(store, Journal.id)) == 1
