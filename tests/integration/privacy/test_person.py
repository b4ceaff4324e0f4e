"""Erasing, telling and purging, on both databases: everything of one person, nothing of anybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select

from gateway.audit.log import verify
from gateway.capture.settings import RetentionSettings
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.core.clock import new_id
from gateway.core.types import Handle, HandleKind, Phase
from gateway.privacy.erase import KEY_FILE, Memory, erase
from gateway.privacy.person import _COLUMNS, KEPT, find, tables_of
from gateway.privacy.purge import purge_some
from gateway.privacy.tell import tell
from gateway.processing.step import Rules
from gateway.processing.worker import ProcessingWorker
from gateway.storage.store import Store
from gateway.storage.tables import (
    Audit,
    Base,
    Contact,
    ContactHandle,
    Interaction,
    Journal,
    Lead,
    Note,
    Outbox,
    Outgoing,
    table_of,
)
from tests.support.callbacks import IVAN, PETR, CallbackHouse, minute, missed
from tests.support.clock import MONDAY, FakeClock
from tests.support.items import call
from tests.support.patience import PATIENCE

PHONE = Handle(HandleKind.PHONE, IVAN)
OTHER = Handle(HandleKind.PHONE, PETR)


async def filled(store: Store, folder: Path) -> CallbackHouse:
    """Ivan and Petr both called in vain; Ivan has a note, a delivery, and somebody was reminded of him."""
    house = CallbackHouse(store, folder / "spool")
    await house.take(missed(minute(0)), missed(minute(5), who=PETR))

    def more(connection: Connection) -> None:
        contact = connection.execute(select(ContactHandle.contact_id).where(ContactHandle.value == IVAN)).scalar_one()
        lead = connection.execute(select(Lead.id).where(Lead.contact_id == contact)).scalar_one()
        made = {"created_at": MONDAY, "updated_at": MONDAY}
        note = {"id": "n1", "lead_id": lead, "text": "Любит утро", "author": "manager:m1", "created_at": MONDAY}
        connection.execute(insert(Note), note)
        push = {"crm": "x", "event_type": "lead.created", "message_id": "1", "order_key": contact, "payload": {}}
        connection.execute(insert(Outbox), {**push, "due_at": MONDAY, **made})
        notice = {"id": "o1", "key": "k1", "way": "notice", "purpose": "notice", "token": "t1", "manager_id": "m1"}
        payload = {"text": "Overdue: call back +7 926 123-45-67"}
        connection.execute(insert(Outgoing), {**notice, "payload": payload, "due_at": MONDAY, **made})
        detail = {"id": "i9", "key": "i9", "channel": "mail", "connector": "smtp", "source_name": "s", "phase": "ended"}
        blank: dict[str, Any] = {"fields": {}, "source": {}, "attachments": [], "problems": [], "details": {}}
        carried = {"handles": [{"kind": "phone", "value": IVAN}], "occurred_at": MONDAY, "received_at": MONDAY}
        connection.execute(insert(Interaction), {**detail, **blank, **carried, "updated_at": MONDAY})

    await store.write(more)
    return house


def everything(connection: Connection) -> str:
    """The whole database as text."""
    return "\n".join(str(row) for table in Base.metadata.sorted_tables for row in connection.execute(select(table)))


async def test_nothing_of_the_person_is_left_and_nobody_else_is_touched(any_store: Store, tmp_path: Path) -> None:
    await filled(any_store, tmp_path)
    memory = Memory.of(tmp_path)
    done = await any_store.write(lambda c: erase(c, [PHONE], memory, actor="console", at=MONDAY))
    assert {"interaction", "journal", "lead", "contact", "callback", "note", "outbox", "outgoing"} <= set(done.rows)
    left = await any_store.read(everything)
    for trace in (IVAN, IVAN[1:], "+7 926 123-45-67", "Любит утро"):
        assert trace not in left
    assert PETR in left
    deed = await any_store.read(lambda c: c.execute(select(Audit.action, Audit.detail)).all()[-1])
    assert deed.action == "person.erased"
    assert (await any_store.read(verify)).broken_at is None


async def test_it_is_told_before_it_is_erased_and_nothing_is_told_afterwards(any_store: Store, tmp_path: Path) -> None:
    await filled(any_store, tmp_path)
    told = await any_store.read(lambda c: tell(c, [PHONE], MONDAY))
    assert told is not None
    assert told["handles"] == [{"kind": "phone", "value": IVAN}]
    assert told["stored"]["note"][0]["text"] == "Любит утро"
    assert PETR not in str(told)
    memory = Memory.of(tmp_path)
    await any_store.write(lambda c: erase(c, [PHONE], memory, actor="console", at=MONDAY))
    assert await any_store.read(lambda c: tell(c, [PHONE], MONDAY)) is None


async def test_contacts_that_were_joined_are_one_person(store: Store, tmp_path: Path) -> None:
    await filled(store, tmp_path)

    def merge(connection: Connection) -> None:
        made = {"created_at": MONDAY, "updated_at": MONDAY}
        winner = connection.execute(select(ContactHandle.contact_id).where(ContactHandle.value == IVAN)).scalar_one()
        connection.execute(insert(Contact), {"id": "loser", "name": "Иван старый", "merged_into": winner, **made})

    await store.write(merge)
    person = await store.read(lambda c: find(c, [PHONE]))
    assert "loser" in person.contacts


async def test_an_unknown_person_leaves_only_the_promise_to_forget(store: Store, tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    done = await store.write(lambda c: erase(c, [OTHER], memory, actor="console", at=MONDAY))
    assert done.total == 0
    assert await store.read(lambda c: memory.forgotten(c, [OTHER], MONDAY - timedelta(seconds=1)))
    assert not await store.read(lambda c: memory.forgotten(c, [OTHER], MONDAY))
    assert not await store.read(lambda c: memory.forgotten(c, [PHONE], MONDAY - timedelta(days=1)))
    assert not await store.read(
        lambda c: Memory(lambda: b"another key").forgotten(c, [OTHER], MONDAY - timedelta(days=1))
    )


def test_the_key_is_made_once_and_only_ours_to_read(tmp_path: Path) -> None:
    first = Memory.of(tmp_path).digest(PHONE)
    assert Memory.of(tmp_path).digest(PHONE) == first
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("connector", "days_ago", "kept"), [("cdr", 1, 0), ("imap", 1, 0), ("cdr", -1, 1), ("ami", 1, 1)]
)
async def test_no_log_and_no_mailbox_brings_an_erased_person_back(
    store: Store, tmp_path: Path, connector: str, days_ago: int, kept: int
) -> None:
    memory = Memory.of(tmp_path)
    await store.write(lambda c: erase(c, [PHONE], memory, actor="console", at=MONDAY))
    rules = Rules(
        own_handles=frozenset(),
        own_domains=frozenset(),
        open_for_outbound=False,
        keep=None,
        forgotten=memory.forgotten,
    )
    clock = FakeClock()
    house = CallbackHouse(store, tmp_path / "spool")
    sink = DurableSink(
        store=store,
        spool=Spool(tmp_path / "s"),
        clock=clock,
        new_id=new_id,
        keep=None,
        on_stored=lambda: None,
        patience=PATIENCE,
    )
    worker = ProcessingWorker(
        store=store,
        interpreters={},
        rules=rules,
        outgoing=house.outbox,
        clock=clock,
        new_id=new_id,
        on_processed=lambda: None,
    )
    at = MONDAY - timedelta(days=days_ago)
    item = call("1", Phase.ENDED, caller=IVAN, at=at, outcome="missed")
    await sink.accept(replace(item, connector=connector))
    while await worker.run_once():
        pass
    count = await store.read(lambda c: len(c.execute(select(table_of(Interaction).c.id)).all()))
    assert count == kept


@pytest.mark.parametrize(("own", "days"), [({}, 730), ({"calls": 30}, 30), ({"calls": 0}, None), ({"mails": 5}, 730)])
async def test_each_kind_is_kept_for_its_own_time(
    store: Store, tmp_path: Path, own: dict[str, int], days: int | None
) -> None:
    clock = FakeClock()
    kept = RetentionSettings(**own)
    sink = DurableSink(
        store=store,
        spool=Spool(tmp_path / "s"),
        clock=clock,
        new_id=new_id,
        keep=kept.of,
        on_stored=lambda: None,
        patience=PATIENCE,
    )
    await sink.accept(call("1", Phase.ENDED, caller=IVAN, at=MONDAY))
    until = None if days is None else clock.now() + timedelta(days=days)
    for table in (table_of(Interaction), table_of(Journal)):
        found = await store.read(lambda c, t=table: c.execute(select(t.c.keep_until)).scalar_one())  # type: ignore[misc]
        assert found == until, table.name


def test_no_table_that_names_a_person_is_forgotten() -> None:
    """A table that refers to contacts, leads or interactions is in the list by the names of its columns."""
    from gateway.privacy.person import Person

    nobody = Person(handles=(), contacts=("x",), leads=("x",), interactions=("x",), callbacks=("x",), documents=("x",))
    listed = {table.name for table, _ in tables_of(nobody)}

    def refers(table: Table) -> bool:
        targets = {key.column.table.name for key in table.foreign_keys}
        return bool(targets & {"contact", "lead", "interaction", "callback", "document"})

    personal = {table.name for table in Base.metadata.sorted_tables if refers(table)}
    assert personal - KEPT <= listed
    assert set(_COLUMNS) >= {"contact_id", "lead_id", "interaction_id"}


async def test_what_is_too_old_goes_and_what_it_belongs_to_stays_while_it_is_used(
    any_store: Store, tmp_path: Path
) -> None:
    await filled(any_store, tmp_path)
    past, now = MONDAY - timedelta(days=1), MONDAY

    def age(connection: Connection) -> None:
        ivan = connection.execute(select(ContactHandle.contact_id).where(ContactHandle.value == IVAN)).scalar_one()
        for table, which in tables_of(find(connection, [PHONE])):
            if "keep_until" in table.columns:
                connection.execute(table.update().where(which).values(keep_until=past))
        young = table_of(Interaction)
        connection.execute(young.update().where(young.c.contact_id == ivan).values(keep_until=None))

    await any_store.write(age)
    total: dict[str, int] = {}
    while gone := await any_store.write(lambda c: purge_some(c, now)):
        total = {name: total.get(name, 0) + count for name, count in gone.items()}
    assert "contact" not in total, "a call of his is still to be kept"
    assert "lead" not in total
    assert total["note"] == 1
    assert "outbox" not in total, "the CRM was not told yet"
    await any_store.write(lambda c: c.execute(table_of(Outbox).update().values(state="done")))
    assert await any_store.write(lambda c: purge_some(c, now)) == {"outbox": 1}
    younger = table_of(Interaction)
    await any_store.write(lambda c: c.execute(younger.update().values(keep_until=past)))
    while await any_store.write(lambda c: purge_some(c, now)):
        pass
    left = await any_store.read(everything)
    assert IVAN not in left
