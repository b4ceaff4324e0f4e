"""Contacts that people make, change, merge and part, and those of a file, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from gateway.contacts.edit import ContactChange, ContactDesk, NewContact
from gateway.contacts.importing import COLUMNS, Imported, import_rows
from gateway.core.csvrows import read_rows
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.core.types import Handle, HandleKind
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Contact, ContactHandle, Lead, Note, Task
from gateway.views.shapes import ContactView
from gateway.web.queries.people import contact
from tests.support.clock import MONDAY
from tests.support.desk import KeptEvents, by
from tests.support.seed import add_contact, add_lead, add_manager

OWN = Handle(HandleKind.PHONE, "+74950000000")


def contact_desk(events: KeptEvents | None = None) -> ContactDesk:
    return ContactDesk(region="RU", is_own=lambda handle: handle == OWN, outgoing=events or KeptEvents())


def people(connection: Connection) -> None:
    add_manager(connection, "m-anna", "anna", name="Анна", extensions=["101"])
    add_manager(connection, "m-oleg", "oleg", name="Олег", extensions=["102", "101"])
    add_contact(connection, "c-ivan", name="Иван", phones=["+79261234567"], emails=["ivan@example.com"])
    add_contact(connection, "c-olga", name="Ольга", phones=["+79990001122"])


async def seen(store: Store, contact_id: str) -> ContactView:
    found = await store.read(lambda c: contact(c, contact_id))
    assert found is not None
    return found


async def test_a_contact_is_made_with_its_handles_in_any_spelling(any_store: Store) -> None:
    await any_store.write(people)
    events = KeptEvents()
    new = NewContact(
        name="  Пётр   Первый ",
        phones=["8 (495) 123-45-67", "+7 495 1234567"],
        emails=["P@Example.com"],
        manager="oleg",
    )
    contact_id = await any_store.write(lambda c: contact_desk(events).create(c, new, by()))
    found = await seen(any_store, contact_id)
    assert (found.name, found.phones, found.emails) == ("Пётр Первый", ["+74951234567"], ["p@example.com"])
    assert found.manager is not None
    assert found.manager.id == "m-oleg"
    assert events.types() == ["contact.upserted"]
    assert events.events[0].data["phones"] == ["+74951234567"]


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (NewContact(), NotPossible, "at least"),
        (NewContact(name="x", phones=["12"]), NotPossible, "'12' is no phone number"),
        (NewContact(name="x", emails=["x"]), NotPossible, "no mail address"),
        (NewContact(name="x", phones=["+74950000000"]), NotPossible, "company's own"),
        (NewContact(name="x", phones=["8 926 123-45-67"]), Conflict, "c-ivan: merge"),
        (NewContact(name="x", manager="none"), NotPossible, "no active manager"),
        (NewContact(name="x" * 301), NotPossible, "300"),
    ],
)
async def test_contacts_that_cant_be_are_refused(
    store: Store, new: NewContact, error: type[Exception], words: str
) -> None:
    await store.write(people)
    with pytest.raises(error, match=words):
        await store.write(lambda c: contact_desk().create(c, new, by()))
    assert len(await store.read(lambda c: c.execute(select(Contact)).all())) == 2


async def test_a_contact_is_changed_and_its_numbers_are_exactly_those_named(any_store: Store) -> None:
    await any_store.write(people)
    change = ContactChange(name="Иван Петров", manager="anna", phones=["+79261234567", "+79260000000"], emails=[])
    await any_store.write(lambda c: contact_desk().change(c, "c-ivan", change, by()))
    found = await seen(any_store, "c-ivan")
    assert (found.name, found.phones, found.emails) == ("Иван Петров", ["+79261234567", "+79260000000"], [])
    (deed,) = await any_store.read(lambda c: c.execute(select(Audit)).all())
    assert deed.detail == {
        "changed": ["name", "owner_id"],
        "handles_added": 1,
        "handles_removed": 1,
        "owner": [None, "m-anna"],
    }
    await any_store.write(lambda c: contact_desk().change(c, "c-ivan", change, by()))
    assert len(await any_store.read(lambda c: c.execute(select(Audit)).all())) == 1  # nothing changed, nothing done


async def test_a_number_of_somebody_else_is_not_taken(store: Store) -> None:
    await store.write(people)
    with pytest.raises(Conflict, match="c-olga"):
        await store.write(lambda c: contact_desk().change(c, "c-ivan", ContactChange(phones=["+79990001122"]), by()))
    with pytest.raises(NotFound):
        await store.write(lambda c: contact_desk().change(c, "none", ContactChange(name="x"), by()))
    assert (await seen(store, "c-ivan")).phones == ["+79261234567"]


async def test_of_two_who_make_the_same_person_at_once_one_is_told(any_store: Store) -> None:
    await any_store.write(people)
    new = NewContact(name="Новый", phones=["+79265555555"])
    tries = [any_store.write(lambda c, who=who: contact_desk().create(c, new, by(who))) for who in ("a", "b")]  # type: ignore[misc]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "str"]


def work_of_olga(connection: Connection) -> None:
    people(connection)
    add_lead(connection, "l-ivan", "c-ivan")
    add_lead(connection, "l-olga", "c-olga")
    about = {"lead_id": "l-olga", "contact_id": "c-olga", "created_at": MONDAY}
    connection.execute(insert(Note), {"id": "n", "text": "x", "author": "gateway", **about})
    task = {"id": "t", "kind": "call", "text": "x", "due_at": MONDAY, "created_by": "gateway", "updated_at": MONDAY}
    connection.execute(insert(Task), {**task, **about})


async def where(store: Store) -> list[tuple[str | None, str | None]]:
    """Lead and contact of the note and the task."""
    tables: Any = (Note, Task)
    return [
        tuple(row)
        for table in tables
        for row in await store.read(lambda c, t=table: c.execute(select(t.lead_id, t.contact_id)).all())  # type: ignore[misc]
    ]


async def test_a_merge_takes_notes_and_tasks_along_and_its_undoing_brings_them_back(any_store: Store) -> None:
    await any_store.write(work_of_olga)
    events = KeptEvents()
    desk = contact_desk(events)
    merge_id = await any_store.write(lambda c: desk.merge(c, "c-ivan", "c-olga", by()))
    assert await where(any_store) == [("l-ivan", "c-ivan")] * 2
    assert events.events[-1].data["merged"] == ["c-olga"]
    with pytest.raises(NotPossible, match="merged into c-ivan"):
        await any_store.write(lambda c: desk.change(c, "c-olga", ContactChange(name="x"), by()))
    assert await any_store.write(lambda c: desk.part(c, merge_id, by())) == "c-olga"
    assert await where(any_store) == [("l-olga", "c-olga")] * 2
    statuses = await any_store.read(lambda c: list(c.execute(select(Lead.status)).scalars()))
    assert statuses == ["open", "open"]
    actions = await any_store.read(lambda c: list(c.execute(select(Audit.action).order_by(Audit.id)).scalars()))
    assert actions == ["contact.merged", "contact.parted"]


async def test_nobody_is_merged_with_himself_or_with_nobody(store: Store) -> None:
    await store.write(people)
    with pytest.raises(NotPossible, match="itself"):
        await store.write(lambda c: contact_desk().merge(c, "c-ivan", "c-ivan", by()))
    with pytest.raises(NotFound):
        await store.write(lambda c: contact_desk().merge(c, "c-ivan", "none", by()))


FILE = """Name;Phone;E-mail;Company;Manager
Иван Сидоров;8 926 123-45-67, 8 926 765-43-21;;Рога;anna
Новый;+7 999 123-00-00;new@example.com;;102
Ничей;;;;
Битый;123;;;
Двое;+79261234567;;;
Двое;+79990001122, +79261234567;;;
Чужой;+79995550000;;;Никто
Расширение;+79995550001;;;101
;;only@example.com;;Олег
"""


async def imported(store: Store, text: str = FILE) -> Imported:
    from tests.integration.leads.test_change import iter_ids

    rows = list(read_rows(text.encode(), COLUMNS, needed=()))
    hand = by(new_id=iter_ids())
    return await store.write(lambda c: import_rows(c, rows, contact_desk(), hand))


async def test_a_file_of_contacts_fills_gaps_makes_the_new_and_names_the_bad(any_store: Store) -> None:
    await any_store.write(people)
    done = await imported(any_store)
    assert (done.rows, done.made, done.completed, done.known) == (9, 2, 1, 1)
    reasons = {row.line: row.why for row in done.refused}
    for line, words in ((4, "neither"), (5, "'123' is no phone"), (7, "2 contacts"), (8, "'Никто'"), (9, "'101'")):
        assert words in reasons.pop(line)
    assert reasons == {}
    ivan = await seen(any_store, "c-ivan")
    assert (ivan.name, ivan.company, ivan.phones) == ("Иван", "Рога", ["+79261234567", "+79267654321"])
    assert ivan.manager is not None
    assert ivan.manager.id == "m-anna"


async def test_a_second_import_changes_nothing(any_store: Store) -> None:
    await any_store.write(people)
    await imported(any_store)

    def everything(connection: Connection) -> list[Any]:
        tables: Any = (Contact, ContactHandle, Audit)
        return [connection.execute(select(table).order_by(table.id)).all() for table in tables]

    before = await any_store.read(everything)
    again = await imported(any_store)
    assert (again.made, again.completed, again.known, len(again.refused)) == (0, 0, 4, 5)
    assert await any_store.read(everything) == before
