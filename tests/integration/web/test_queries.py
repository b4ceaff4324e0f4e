"""The queries on every database that Leadgate runs on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from gateway.storage.store import Store
from gateway.web import accounts
from gateway.web.queries.changes import changes_after, feed_ends
from gateway.web.queries.deliveries import deliveries_page, delivery
from gateway.web.queries.filters import Filters, Position
from gateway.web.queries.interactions import calls_page, interactions_page, last_calls
from gateway.web.queries.leadcard import history, last_change, lead_card, merge_candidates
from gateway.web.queries.leads import leads_page
from gateway.web.queries.people import contact, contacts_page, managers
from gateway.web.sessions import end_session, open_session, session_of, touch_session
from tests.support.clock import MONDAY
from tests.support.seed import add_manager, add_office


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["l-caller", "l-ivan", "l-withheld", "l-letter"]),
        (Filters(q="ИВАН"), ["l-ivan"]),
        (Filters(q="IVAN@Example"), ["l-ivan"]),
        (Filters(q="100%"), []),
        (Filters(stage="new", channel="call", status="open"), ["l-caller"]),
        (Filters(stage="offer"), []),
        (Filters(seen_by="m-oleg"), ["l-caller", "l-withheld", "l-letter"]),
        (Filters(seen_by="m-anna", q="кухня"), ["l-ivan"]),
        (Filters(q="oak DOORS"), ["l-letter"]),
        (Filters(q="8 (926) 123"), ["l-ivan"]),
        (Filters(phone="+79261234567", email="ivan@example.com", manager="anna"), ["l-ivan"]),
        (Filters(since=MONDAY - timedelta(hours=31), until=MONDAY - timedelta(hours=1)), ["l-withheld"]),
        (Filters(after=Position(MONDAY - timedelta(minutes=40), "l-ivan")), ["l-withheld", "l-letter"]),
    ],
)
async def test_leads_are_found_alike_on_every_database(any_store: Store, filters: Filters, found: list[str]) -> None:
    await any_store.write(add_office)
    page = await any_store.read(lambda c: leads_page(c, filters))
    assert [lead.id for lead in page.items] == found


async def test_every_other_list_works_on_every_database(any_store: Store) -> None:
    await any_store.write(add_office)

    def all_of_them(connection: Connection) -> None:
        everything = Filters(q="иван")
        assert [i.id for i in interactions_page(connection, everything).items] == ["i-call", "i-mail", "i-form"]
        assert [c.id for c in calls_page(connection, Filters(status="missed")).items] == ["i-missed", "i-withheld"]
        assert [c.id for c in contacts_page(connection, Filters(channel="mail")).items] == ["c-ivan", "c-letter"]
        assert contact(connection, "c-caller") is not None
        assert [m.id for m in managers(connection, Filters(status="active"))] == ["m-anna"]
        assert [d.id for d in deliveries_page(connection, Filters(phone="+79261234567"), None).items] == [1]
        assert delivery(connection, 1, Filters()) is not None
        assert [i.id for i in history(connection, "l-ivan", "c-ivan")] == ["i-call", "i-mail", "i-form"]
        assert last_calls(connection, ["l-ivan", "l-caller", "l-letter"]).keys() == {"l-ivan", "l-caller"}
        ends = feed_ends(connection)
        assert [change.id for change in changes_after(connection, ends.oldest - 1, 2)] == [ends.oldest, ends.oldest + 1]

    await any_store.read(all_of_them)


async def test_sessions_live_and_end_on_every_database(any_store: Store) -> None:
    day, idle = timedelta(hours=12), timedelta(minutes=30)
    key = accounts.fingerprint("secret")

    def unit(connection: Connection) -> None:
        add_manager(connection, "m-1", "anna")
        open_session(connection, "m-1", secret="secret", csrf="c", now=MONDAY, lifetime=day)
        touch_session(connection, key, now=MONDAY + timedelta(minutes=20))
        assert session_of(connection, key, now=MONDAY + timedelta(minutes=49), idle=idle) is not None
        assert session_of(connection, key, now=MONDAY + timedelta(minutes=51), idle=idle) is None
        assert session_of(connection, key, now=MONDAY + day, idle=day) is None
        assert "c" not in repr(session_of(connection, key, now=MONDAY, idle=idle)).split("csrf")[1:]
        end_session(connection, key)
        assert session_of(connection, key, now=MONDAY, idle=idle) is None

    await any_store.write(unit)


async def test_logins_and_tokens_on_every_database(any_store: Store) -> None:
    def unit(connection: Connection) -> None:
        assert not accounts.any_manager(connection)
        add_manager(connection, "m-1", "Анна")
        assert accounts.find_manager(connection, "аННА") is not None
        assert accounts.find_manager(connection, "анна-2") is None
        accounts.add_token(connection, name="crm", token_id="t-1", secret="secret", now=MONDAY)
        found = accounts.token_of(connection, "secret")
        assert found is not None
        assert accounts.token_of(connection, "other") is None
        accounts.revoke_token(connection, "crm", now=MONDAY)
        accounts.revoke_token(connection, "crm", now=MONDAY + timedelta(days=1))
        assert accounts.token_of(connection, "secret") is None
        assert accounts.list_tokens(connection)[0].revoked_at == MONDAY
        assert not accounts.token_works(connection, found.id)

    await any_store.write(unit)


async def test_the_card_of_a_lead_is_read_from_each_database(any_store: Store) -> None:
    def look(connection: Connection) -> None:
        add_office(connection)
        everybody, oleg = Filters(now=MONDAY), Filters(now=MONDAY, seen_by="m-oleg")
        card = lead_card(connection, "l-ivan", everybody)
        assert card is not None
        assert card.contact is not None
        assert [item.id for item in card.interactions] == ["i-call", "i-mail", "i-form"]
        assert [delivery.status for delivery in card.deliveries] == ["done"]
        assert (card.callbacks, card.letters, card.hand_overs, card.merges, card.asked, card.others) == (
            [], [], [], [], [], [],
        )  # fmt: skip
        assert lead_card(connection, "l-ivan", oleg) is None
        assert lead_card(connection, "none", everybody) is None
        assert last_change(connection, "l-ivan") is None
        assert [found.id for found in merge_candidates(connection, "c-caller", "петров", everybody)] == ["c-ivan"]
        assert merge_candidates(connection, "c-caller", "петров", oleg) == []
        assert merge_candidates(connection, "c-ivan", "", everybody) == []

    await any_store.write(look)
