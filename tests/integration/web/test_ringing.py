"""The pop-up of incoming calls: whom a call concerns, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert, update

from gateway.storage.store import Store
from gateway.storage.tables import Callback, Contact, ContactHandle, Interaction, Lead
from gateway.web.pages.ringing import RingingPages
from gateway.web.queries.ringing import ringing
from tests.integration.web.site import Site, new_browser, running_site
from tests.support.clock import MONDAY
from tests.support.seed import add_manager

IVAN = "+79261234567"
BLANK: dict[str, Any] = {"fields": {}, "source": {}}


def office(connection: Connection) -> None:
    """Anna owns Ivan; Boris and Vera have phones; Ivan's lead is Vera's."""
    add_manager(connection, "m-anna", "anna", name="Анна", extensions=["101"])
    add_manager(connection, "m-boris", "boris", name="Борис", extensions=["102"])
    add_manager(connection, "m-vera", "vera", name="Вера", extensions=["103"])
    at = {"created_at": MONDAY, "updated_at": MONDAY}
    connection.execute(insert(Contact), {"id": "p1", "name": "Иван", "owner_id": "m-anna", **at})
    handle = {"kind": "phone", "value": IVAN, "contact_id": "p1", "created_at": MONDAY}
    connection.execute(insert(ContactHandle), handle)
    lead = {"id": "l1", "contact_id": "p1", "channel": "form", "manager_id": "m-vera", "text": "Кухня, 3 метра"}
    connection.execute(insert(Lead), {**lead, **at, **BLANK})


def rings(connection: Connection, **changes: Any) -> None:
    details = {"caller": IVAN, "rang": changes.pop("rang", ["102"]), "answered_by": changes.pop("answered_by", None)}
    row = {
        "id": "c1", "key": "c1", "channel": "call", "connector": "ami", "source_name": "office", "phase": "ringing",
        "direction": "inbound", "kind": "message", "line": "+74950000001", "handles": [], "attachments": [],
        "problems": [], "details": details, "contact_id": "p1", "lead_id": "l1", "occurred_at": MONDAY,
        "received_at": MONDAY, "updated_at": MONDAY, **BLANK, **changes,
    }  # fmt: skip
    connection.execute(insert(Interaction), row)


async def who(store: Store, manager: str) -> list[str]:
    return [call.why for call in await store.read(lambda c: ringing(c, manager, MONDAY + timedelta(minutes=1)))]


@pytest.mark.parametrize(
    ("call", "concerned"),
    [
        ({}, {"m-boris": "phone", "m-anna": "owner", "m-vera": "owner"}),
        ({"phase": "answered", "answered_by": "102"}, {"m-boris": "phone"}),
        ({"phase": "answered"}, {"m-boris": "phone", "m-anna": "owner", "m-vera": "owner"}),
        ({"phase": "ended"}, {}),
        ({"direction": "outbound"}, {}),
        ({"contact_id": None, "lead_id": None}, {"m-boris": "phone"}),
        ({"occurred_at": MONDAY - timedelta(hours=5)}, {}),
        ({"rang": []}, {"m-anna": "owner", "m-vera": "owner"}),
    ],
)
async def test_a_call_is_shown_to_those_whom_it_concerns(
    any_store: Store, call: dict[str, Any], concerned: dict[str, str]
) -> None:
    await any_store.write(office)
    await any_store.write(lambda c: rings(c, **call))
    seen = {manager: await who(any_store, manager) for manager in ("m-anna", "m-boris", "m-vera")}
    assert {manager: why[0] for manager, why in seen.items() if why} == concerned


async def test_it_tells_what_one_wants_to_know_before_picking_up(store: Store) -> None:
    await store.write(office)
    await store.write(lambda c: rings(c))
    waits = {
        "id": "w1", "contact_id": "p1", "state": "open", "reason": "busy", "channel": "call", "tries": 1,
        "first_at": MONDAY, "last_at": MONDAY, "waiting_since": MONDAY, "due_at": MONDAY, "opened_at": MONDAY,
        "updated_at": MONDAY,
    }  # fmt: skip
    await store.write(lambda c: c.execute(insert(Callback), waits))
    (call,) = await store.read(lambda c: ringing(c, "m-boris", MONDAY))
    assert call.contact is not None
    assert (call.contact.name, call.number, call.last_words, call.waits) == ("Иван", IVAN, "Кухня, 3 метра", True)
    assert call.owner is not None
    assert call.owner.name == "Анна"


@pytest_asyncio.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    await store.write(office)
    async with running_site(store, pages=lambda means: RingingPages(means).routes()) as running:
        yield running


async def test_the_piece_of_a_page(site: Site) -> None:
    await site.accounts.set_password("boris", "correct horse battery")
    async with new_browser(site) as boris:
        await boris.sign_in("boris")
        _, text, _ = await boris.get("/ringing")
        assert "<article" not in text
        await site.store.write(lambda c: rings(c, name="<b>x</b>"))
        _, text, _ = await boris.get("/ringing")
        assert "Your phone rings" in text
        assert 'href="/leads/l1"' in text
        assert "Кухня, 3 метра" in text
        answered = update(Interaction).values(phase="answered", details={"answered_by": "102", "caller": IVAN})
        await site.store.write(lambda c: c.execute(answered))
        _, text, _ = await boris.get("/ringing")
        assert "You are talking with" in text


async def test_a_program_has_no_phone(site: Site) -> None:
    await site.store.write(lambda c: rings(c))
    async with new_browser(site) as program:
        _, text, _ = await program.get("/ringing", **await site.token())
        assert "<article" not in text
