"""People of the configuration come into the database at each start, and what the file says wins."""

from __future__ import annotations

from sqlalchemy import update

from gateway.routing.staff import Configured, Synced, sync
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Manager, table_of
from tests.integration.routing.office import people, rows
from tests.support.clock import MONDAY, counting_ids

MANAGER = table_of(Manager)
ANNA = Configured(login="anna", name="Anna Smith", role="chief", extensions=("101", "201"), mobile="+79035550101")


async def synced(store: Store, *configured: Configured) -> Synced:
    return await store.write(lambda c: sync(c, configured, at=MONDAY, new_id=counting_ids("m")))


async def test_people_of_the_file_are_added_once(any_store: Store) -> None:
    assert await synced(any_store, ANNA) == Synced(added=("anna",))
    assert await synced(any_store, ANNA) == Synced()
    row = rows(any_store, Manager.login, Manager.name, Manager.role, Manager.extensions, Manager.password_hash)
    assert row == [("anna", "Anna Smith", "chief", ["101", "201"], None)]
    assert rows(any_store, Audit.action, Audit.actor) == [("user.added", "gateway")]


async def test_what_the_file_says_wins_and_the_password_stays(store: Store) -> None:
    await store.write(people)
    await store.write(lambda c: c.execute(update(MANAGER).values(password_hash="x", language="en")).rowcount)
    done = await synced(store, Configured(login="ANNA", name="Anna S.", role="owner", hours="late"))
    assert done == Synced(changed=("ANNA",))
    columns = (Manager.login, Manager.name, Manager.role, Manager.mobile, Manager.hours, Manager.password_hash)
    assert rows(store, *columns)[0] == ("anna", "Anna S.", "owner", None, "late", "x")
    [detail] = [row[1] for row in rows(store, Audit.id, Audit.detail)]
    assert detail["role"] == "owner"
    assert "mobile" in detail["changed"]


async def test_people_who_were_added_by_hand_are_left_alone(store: Store) -> None:
    await store.write(people)
    assert await synced(store, ANNA) == Synced(changed=("anna",))
    assert [login for login, _ in rows(store, Manager.login, Manager.name)] == ["anna", "boris", "vera"]


async def test_who_is_removed_from_the_file_stays_and_that_is_said_once(store: Store) -> None:
    await synced(store, ANNA)
    assert await synced(store) == Synced(unnamed=("anna",))
    assert await synced(store) == Synced()
    assert rows(store, Manager.login, Manager.disabled_at) == [("anna", None)]
    assert await synced(store, ANNA) == Synced(changed=("anna",)), "and may come back"
