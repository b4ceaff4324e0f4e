"""Words are found wherever they stand, on both databases, at once after they were written and never after they went."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Update, delete, event, text, update

from gateway.app.erasing import erase_everywhere
from gateway.contacts.merge import merge, unmerge
from gateway.core.types import Handle, HandleKind
from gateway.storage.bulk import insert_rows
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Contact, ContactHandle, Interaction, Lead, table_of
from gateway.web.queries.filters import Filters
from gateway.web.queries.interactions import calls_page, interactions_page
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import contacts_page
from gateway.web.queries.search import FEW
from tests.support.clock import MONDAY
from tests.support.seed import NO_SOURCE, add_contact, add_interaction, add_lead

LONG = "Здравствуйте! " * 300


def fill(connection: Connection) -> None:
    """Three persons; a letter of the first says more than the request did."""
    add_contact(connection, "p1", name="Пётр Водопьянов", phones=["+79261234567"], emails=["petr@example.com"])
    add_contact(connection, "p2", name="Anna O'Neil", company="ООО «Ромашка»", phones=["+498912345678"])
    add_contact(connection, "p3", phones=["+79035550000"])
    add_lead(connection, "l1", "p1", subject="Насос", text="Сколько стоит доставка до Твери?")
    add_lead(connection, "l2", "p2", text="oak doors, 100% solid", at=MONDAY + timedelta(minutes=1))
    add_lead(connection, "l3", "p3", text=LONG + "Хвостовик", at=MONDAY + timedelta(minutes=2))
    add_interaction(connection, "i1", lead_id="l1", contact_id="p1", text="Сколько стоит доставка до Твери?")
    add_interaction(connection, "i2", channel="mail", lead_id="l1", contact_id="p1", text="Нужен самовывоз со склада")
    add_interaction(connection, "i3", channel="call", lead_id="l3", contact_id="p3", text="")


def leads(connection: Connection, words: str, **more: Any) -> set[str]:
    return {lead.id for lead in leads_page(connection, Filters(q=words, **more)).items}


FOUND = [
    ("Водопьянов", {"l1"}), ("водопьян", {"l1"}), ("допьян", {"l1"}), ("ВОДОПЬЯНОВ пётр", {"l1"}), ("насос", {"l1"}),
    ("доставк", {"l1"}), ("ставка", {"l1"}), ("доставка насос", {"l1"}), ("самовывоз", {"l1"}),
    ("самовывоз дверь", set()),
    ("Ромашка", {"l2"}), ("O'Neil", {"l2"}), ("DOORS oak", {"l2"}), ("100%", {"l2"}), ("100_", set()),
    ("8 (926) 123-45-67", {"l1"}), ("+7 926 1234567", {"l1"}), ("1234567", {"l1", "l2"}), ("123 45 67", {"l1", "l2"}),
    ("089 1234 5678", {"l2"}), ("5550000", {"l3"}), ("petr@example.com", {"l1"}), ("PETR@", {"l1"}), ("пё", {"l1"}),
    ("Хвостовик", set()), ("здравствуйте", {"l3"}), ('" OR words', set()), ("NEAR(", set()), ("зззюю", set()),
    ("щъ", set()),
]  # fmt: skip


async def test_every_word_finds_its_leads(any_store: Store) -> None:
    await any_store.write(fill)
    for words, wanted in FOUND:
        assert await any_store.read(lambda c, w=words: leads(c, w)) == wanted, words  # type: ignore[misc]


async def test_the_same_is_found_where_the_database_has_no_index(store: Store) -> None:
    await store.write(fill)
    await store.write(_without_index)
    for words, wanted in FOUND:
        if words != "самовывоз":
            assert await store.read(lambda c, w=words: leads(c, w)) == wanted, words  # type: ignore[misc]


def _without_index(connection: Connection) -> None:
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'search%'"))
    for name in names.scalars().all():
        connection.execute(text(f"DROP TRIGGER {name}"))
    for name in ("contact", "handle", "lead", "interaction"):
        connection.execute(text(f"DROP TABLE search_{name}"))


async def test_letters_calls_and_contacts_are_found(any_store: Store) -> None:
    await any_store.write(fill)

    def look(connection: Connection) -> None:
        assert {i.id for i in interactions_page(connection, Filters(q="самовывоз")).items} == {"i2"}
        assert {i.id for i in interactions_page(connection, Filters(q="Водопьянов")).items} == {"i1", "i2"}
        assert {i.id for i in calls_page(connection, Filters(q="903 555")).items} == {"i3"}
        assert {c.id for c in contacts_page(connection, Filters(q="ромашка")).items} == {"p2"}

    await any_store.read(look)


def _named(contact_id: str, name: str) -> Update:
    return update(Contact).where(Contact.id == contact_id).values(name=name)


def _do(step: Callable[[Connection], Any]) -> Callable[[Connection], None]:
    def unit(connection: Connection) -> None:
        step(connection)

    return unit


async def test_what_changes_is_found_as_it_is_now(any_store: Store) -> None:
    await any_store.write(fill)
    steps: list[tuple[Callable[[Connection], Any], str, set[str]]] = [
        (
            lambda c: c.execute(update(Contact).where(Contact.id == "p1").values(name="Иван Кротов")),
            "Водопьянов",
            set(),
        ),
        (lambda c: c.execute(_named("p3", "Кротова")), "кротов", {"l1", "l3"}),
        (lambda c: c.execute(update(Lead).where(Lead.id == "l2").values(text="", subject=None)), "doors", set()),
        (lambda c: c.execute(update(Lead).where(Lead.id == "l2").values(text="паркет")), "паркет", {"l2"}),
        (lambda c: c.execute(delete(Interaction).where(Interaction.id == "i2")), "самовывоз", set()),
        (lambda c: c.execute(delete(ContactHandle).where(ContactHandle.contact_id == "p3")), "5550000", set()),
        (lambda c: c.execute(delete(Contact).where(Contact.id == "p3")), "кротов", {"l1"}),
    ]
    for step, words, wanted in steps:
        await any_store.write(_do(step))
        assert await any_store.read(lambda c, w=words: leads(c, w)) == wanted, words  # type: ignore[misc]


async def test_joined_contacts_are_found_by_the_names_and_numbers_of_both_and_parted_by_their_own(
    any_store: Store,
) -> None:
    await any_store.write(fill)
    merged = await any_store.write(
        lambda c: merge(
            c, winner_id="p1", loser_id="p3", reason="the same person", at=MONDAY, new_id=iter(("m1",)).__next__
        )
    )
    assert {"l1"} <= await any_store.read(lambda c: leads(c, "5550000"))
    assert await any_store.read(lambda c: [x.id for x in contacts_page(c, Filters(q="5550000")).items]) == ["p1"]
    await any_store.write(lambda c: unmerge(c, merged, at=MONDAY))
    assert await any_store.read(lambda c: leads(c, "5550000")) == {"l3"}


async def test_a_word_of_thousands_is_found_too_and_by_the_page(store: Store) -> None:
    count = FEW + 50
    blank = {"channel": "form", "fields": {}, "source": NO_SOURCE, "created_at": MONDAY, "updated_at": MONDAY}
    rows = [{"id": f"x{n:05}", "text": f"заявка {n}", "status": "spam", **blank} for n in range(count)]
    await store.write(fill)
    await store.write(lambda c: insert_rows(c, table_of(Lead), rows))
    first = await store.read(lambda c: leads_page(c, Filters(q="заявка")))
    assert (len(first.items), first.next is None) == (50, False)
    assert await store.read(lambda c: leads(c, f"заявка {count - 1}")) == {f"x{count - 1:05}"}
    assert await store.read(lambda c: leads(c, "заявка", status="open")) == set()


async def test_an_erased_person_leaves_no_letters_in_the_index(store: Store, tmp_path: Path) -> None:
    await store.write(fill)
    await store.write(_do(lambda c: c.execute(_named("p1", "Жжщъэ"))))
    assert "жщъ" in await store.read(_trigrams)
    await erase_everywhere(store, tmp_path, [Handle(HandleKind.PHONE, "+79261234567")])
    left = await store.read(_trigrams)
    assert not {"жщъ", "вод"} & left
    assert "ром" in left, "others stay"


def _trigrams(connection: Connection) -> set[str]:
    """All that stands in the index of names, also what searches don't see any more."""
    blocks = connection.execute(text("SELECT block FROM search_contact_data")).scalars().all()
    whole = b"".join(blocks).decode("utf-8", "ignore")
    names = ("Жжщъэ", "Пётр Водопьянов", "«Ромашка»")
    # terms are stored by what differs from the one before, but each first letter of a run in full
    present = connection.execute(text("SELECT rowid FROM search_contact WHERE search_contact MATCH '\"жщъ\"'")).all()
    known = {name[n : n + 3].lower() for name in names for n in range(len(name) - 2)}
    return {part for part in known if part in whole} | ({"жщъ"} if present else set())


@pytest.mark.parametrize("words", ["зззюю", "9990000", "nobody@example.com", "Водопьянов"])
async def test_a_search_reads_no_table_from_end_to_end(store: Store, words: str) -> None:
    await store.write(fill)

    def plans(connection: Connection) -> list[str]:
        asked: list[tuple[str, Any]] = []
        event.listen(connection, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
        for page in (leads_page, interactions_page, calls_page, contacts_page):
            page(connection, Filters(q=words))
        steps = []
        # where nothing was found the statement says so (0 = 1), and no row is read
        for statement, parameters in [one for one in asked if one[0].startswith("SELECT") and "0 = 1" not in one[0]]:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            steps += [f"{row[3]} :: {statement[:60]}" for row in rows]
        return steps

    small = ("SCAN search_", "SCAN CONSTANT ROW", "SCAN sqlite_master", "SCAN (subquery")
    assert [step for step in await store.read(plans) if step.startswith("SCAN") and not step.startswith(small)] == []


def test_an_upgrade_puts_what_is_there_into_the_index(tmp_path: Path) -> None:
    upgrade(StorageSettings(), tmp_path, "0015")
    store = Store.open(StorageSettings(), tmp_path)
    with store.writer.engine.begin() as connection:
        fill(connection)
    upgrade(StorageSettings(), tmp_path)
    for words, wanted in FOUND:
        assert store.peek(lambda c, w=words: leads(c, w)) == wanted, words  # type: ignore[misc]
