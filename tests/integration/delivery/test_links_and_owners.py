"""The map of ids, owners read back, and what a replay does: on a real store, with a CRM over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import Connection, select, update

from crm_adapter.base import Done
from crm_adapter.links import Link
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.recordcrm import Owned
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import Trouble
from gateway.core.sentences import NOTHING
from gateway.core.types import Handle, HandleKind
from gateway.delivery import outbox
from gateway.delivery.checkup import check_crm
from gateway.delivery.claims import claim, settle
from gateway.delivery.links import StoredLinks
from gateway.delivery.owners import OwnerLookup, OwnerPoll, take_over
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import Surroundings
from gateway.delivery.verdict import judge
from gateway.delivery.watch import Watch
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Contact, CrmLink, CrmUser
from tests.contract.test_bitrix24 import webhook_options
from tests.integration.delivery.helpers import TWIN, put, rows, states
from tests.support.clock import MONDAY, FakeClock
from tests.support.fakecrm.bitrix24 import CONTACT, FakeBitrix24
from tests.support.seed import add_contact, add_manager

PERSON = events.ident(1, 1)


@pytest_asyncio.fixture
async def bitrix() -> AsyncIterator[FakeBitrix24]:
    """A portal that listens."""
    fake = FakeBitrix24()
    await fake.start()
    yield fake
    await fake.stop()


def settings_for(fake: FakeBitrix24, **more: Any) -> CrmSettings:
    """The portal as ``[[crm]]``."""
    table = {"name": "bitrix", "adapter": "bitrix24", "allow_private": True}
    return CrmSettings.from_table({**table, **webhook_options(fake), **more})


def seed(connection: Connection) -> None:
    """Our people and one contact of nobody."""
    for manager in events.MANAGERS:
        add_manager(connection, manager.id, manager.login, email=manager.email, extensions=list(manager.extensions))
    add_contact(connection, PERSON, name="Ivan", phones=[events.phone(1)])


async def owner(store: Store) -> str | None:
    """Of the contact."""
    query = select(Contact.owner_id).where(Contact.id == PERSON)
    found: str | None = await store.read(lambda connection: connection.execute(query).scalar_one())
    return found


class Office:
    """An adapter with everything the gateway gives it, and its poll."""

    def __init__(self, store: Store, fake: FakeBitrix24, folder: Path, clock: FakeClock, **more: Any) -> None:
        self.crm = settings_for(fake, **more)
        self.given = Surroundings(store=store, clock=clock, data=folder)
        adapter = self.crm.build(self.given.context(self.crm))
        assert isinstance(adapter, RecordAdapter)
        self.adapter = adapter
        self.poll = OwnerPoll("bitrix", adapter, store=store, clock=clock)


async def test_a_link_is_there_after_a_restart_and_is_replaced_by_the_next(store: Store) -> None:
    links = StoredLinks(store, "office", FakeClock(), timedelta(days=1))
    assert await links.get("lead", "l-1") is None
    await links.put("lead", "l-1", Link(in_doubt=True))
    await links.put("lead", "l-1", Link(remote_id="77", url="https://x.example/77", notes={"sent": "abc"}))
    await StoredLinks(store, "other", FakeClock()).put("lead", "l-1", Link(remote_id="5"))
    found = await StoredLinks(store, "office", FakeClock()).get("lead", "l-1")
    assert found == Link(remote_id="77", url="https://x.example/77", notes={"sent": "abc"})


async def test_an_owner_that_people_set_in_the_crm_becomes_the_contacts_owner(
    store: Store, bitrix: FakeBitrix24, tmp_path: Path
) -> None:
    await store.write(seed)
    clock = FakeClock(MONDAY - timedelta(days=9))
    office = Office(store, bitrix, tmp_path, clock)
    await office.poll.look()
    await office.adapter.push(events.event("lead.created", events.lead(1, manager=None)))
    (row,) = bitrix.items[CONTACT].rows.values()
    assert await office.poll.look() == 0, "Bitrix24 gave it to the webhook's user: no decision of a person"
    assert await owner(store) is None

    row |= {"assignedById": 8, "updatedTime": "2026-11-22T15:00:00+03:00"}
    assert await office.poll.look() == 1
    assert await owner(store) == events.OLEG.id
    assert await office.poll.look() == 0
    deeds = await store.read(lambda c: c.execute(select(Audit.actor, Audit.action, Audit.object_id)).all())
    assert [tuple(deed) for deed in deeds] == [("crm:bitrix", "contact.owner_changed", PERSON)]
    users = await store.read(lambda c: c.execute(select(CrmUser.user_id, CrmUser.how).order_by(CrmUser.user_id)).all())
    assert [tuple(user) for user in users] == [("7", "mail"), ("8", "extension")]
    await office.adapter.close()


async def test_the_first_owner_of_a_contact_that_was_made_anew_is_nobodys_decision(
    store: Store, bitrix: FakeBitrix24, tmp_path: Path
) -> None:
    """People deleted the contact, and the portal gives the new one to the webhook's user, as it gives every record."""
    await store.write(seed)
    office = Office(store, bitrix, tmp_path, FakeClock())
    links = StoredLinks(store, "bitrix", FakeClock())
    await links.put("contact", PERSON, Link(remote_id="5"))
    await store.write(lambda c: c.execute(update(CrmLink).values(seen_owner="8")))
    await links.put("contact", PERSON, Link(remote_id="6"))
    assert await store.read(lambda c: c.execute(select(CrmLink.seen_owner)).scalar_one()) is None
    matches = await office.adapter.directory.matches()
    found = [Owned(remote_id="6", user="7")]
    assert await store.write(lambda c: take_over(c, "bitrix", found, matches, MONDAY)) == 0
    given = [Owned(remote_id="6", user="8")]
    assert await store.write(lambda c: take_over(c, "bitrix", given, matches, MONDAY)) == 1
    await office.adapter.close()


async def test_the_owner_of_a_contact_that_the_crm_had_before_us_counts_at_once(
    store: Store, bitrix: FakeBitrix24, tmp_path: Path
) -> None:
    await store.write(seed)
    office = Office(store, bitrix, tmp_path, FakeClock(MONDAY - timedelta(days=9)))
    await office.poll.look()
    known = int(bitrix.seed_contact(name="Ivan", phone=events.phone(1)))
    bitrix.items[CONTACT].rows[known] |= {"assignedById": 7, "updatedTime": "2026-11-22T15:00:00+03:00"}
    await office.adapter.push(events.event("lead.created", events.lead(1, manager=None)))
    assert await office.poll.look() == 1
    assert await owner(store) == events.ANNA.id
    await office.adapter.close()


async def test_where_leadgate_owns_nothing_is_taken_over(store: Store, bitrix: FakeBitrix24, tmp_path: Path) -> None:
    await store.write(seed)
    office = Office(store, bitrix, tmp_path, FakeClock(), owners="leadgate")
    assert await office.poll.look() == 0
    assert not [one for one in bitrix.asked if one.path.endswith("crm.item.list.json")]
    await office.adapter.close()


async def test_a_caller_whom_only_the_crm_knows_is_asked_for_once_and_in_time(
    store: Store, bitrix: FakeBitrix24, tmp_path: Path
) -> None:
    await store.write(seed)
    clock = FakeClock()
    office = Office(store, bitrix, tmp_path, clock)
    known = int(bitrix.seed_contact(name="Ivan", phone=events.phone(5)))
    bitrix.items[CONTACT].rows[known]["assignedById"] = 8
    lookup = OwnerLookup({"bitrix": office.adapter}, clock, seconds=0.3)
    caller = (Handle(HandleKind.PHONE, events.phone(5)),)
    assert await lookup.ask(caller) == events.OLEG.id
    asked = len(bitrix.asked)
    assert await lookup.ask(caller) == events.OLEG.id
    assert len(bitrix.asked) == asked, "the answer is kept for five minutes"
    assert await lookup.ask((Handle(HandleKind.PHONE, events.phone(6)),)) is None
    bitrix.choose = lambda _: Trouble.HANGS
    assert await lookup.ask((Handle(HandleKind.PHONE, events.phone(7)),)) is None, "a CRM that hangs is not waited for"
    await office.adapter.close()


async def test_crm_check_names_who_is_known_and_shows_a_lead(
    store: Store, bitrix: FakeBitrix24, tmp_path: Path
) -> None:
    await store.write(seed)
    await store.write(lambda c: add_manager(c, "m-new", "vera", extensions=["777"]))
    crm = settings_for(bitrix, users={"oleg": "55"}, fields={"lead": {"ufCrm_1": "{source.utm.source}"}})
    checked = await check_crm(crm, Surroundings(store=store, clock=FakeClock(), data=tmp_path))
    said = {str(finding.subject): f"{finding.level}: {finding.said!s}" for finding in checked.findings}
    assert said["crm bitrix: manager anna"] == "OK: is Анна there (user 7, matched by mail)."
    assert said["crm bitrix: manager vera"].startswith("WARN: is not known there")
    assert said["crm bitrix: users"].startswith("FAIL: user 55 is named")
    assert said["crm bitrix: right crm"] == "OK: is given."
    assert checked.dry_record is not None
    fields: Any = checked.dry_record["fields"]
    assert fields["ufCrm_1"] == "ads"
    assert not bitrix.commits


async def test_crm_check_says_what_a_dead_webhook_needs(store: Store, bitrix: FakeBitrix24, tmp_path: Path) -> None:
    crm = settings_for(bitrix, url=f"{bitrix.url}/rest/1/deadwebhook00/")
    checked = await check_crm(crm, Surroundings(store=store, clock=FakeClock(), data=tmp_path))
    (failed,) = [finding for finding in checked.findings if finding.level == "FAIL"]
    assert "was the webhook deleted" in str(failed.said)
    assert "deadwebhook00" not in str(failed.said)


async def test_a_replay_sends_a_range_again_under_the_same_ids_in_its_order(store: Store) -> None:
    await put(store, TWIN, 1, at=MONDAY)
    await put(store, TWIN, 2, 3, at=MONDAY + timedelta(hours=1))
    await put(store, TWIN, 4, at=MONDAY + timedelta(hours=2))
    ids = [row.message_id for row in await rows(store)]
    for _ in range(4):
        found = await store.write(lambda c: claim(c, "twin", MONDAY + timedelta(hours=3), 10))
        done = [judge(row, Done(), at=MONDAY, random=lambda: 0.0) for row in found.rows]
        await store.write(lambda c, done=done: settle(c, "twin", done))  # type: ignore[misc]
    assert set(await states(store)) == {"done"}
    since, until = MONDAY + timedelta(minutes=30), MONDAY + timedelta(minutes=90)
    count = await store.write(
        lambda c: outbox.replay(c, MONDAY + timedelta(hours=4), crm="twin", since=since, until=until, states=("done",))
    )
    assert count == 2
    assert await states(store) == ["done", "waiting", "waiting", "done"]
    assert [row.message_id for row in await rows(store)] == ids


async def test_what_need_not_be_kept_is_removed_and_what_is_unsent_stays(store: Store) -> None:
    clock = FakeClock()
    await put(store, TWIN, 1, keep_until=MONDAY + timedelta(days=1))
    await put(store, TWIN, 2, keep_until=MONDAY + timedelta(days=1))
    (first, _) = await rows(store)
    await store.write(lambda c: outbox.drop(c, [first.id], "a test", MONDAY))
    await StoredLinks(store, "twin", clock, timedelta(days=1)).put("lead", "old", Link(remote_id="1"))
    await StoredLinks(store, "twin", clock, None).put("lead", "kept", Link(remote_id="2"))
    watch = Watch([], store=store, clock=clock)
    assert await watch.tidy() == 0
    clock.move(2 * 86400)
    assert await watch.tidy() == 2
    assert await states(store) == ["waiting"]
    links = await store.read(lambda c: c.execute(select(CrmLink.local_id)).scalars().all())
    assert list(links) == ["kept"]


async def test_a_crm_that_is_late_says_so_and_alarms_once(store: Store) -> None:
    clock = FakeClock()
    await put(store, TWIN, 1)

    class Lane:
        crm = TWIN
        late = NOTHING

    lane = Lane()
    watch = Watch([lane], store=store, clock=clock)
    await watch.look()
    assert (str(lane.late), watch.alarms()) == ("", [])
    clock.move(3700)
    await watch.look()
    (first,) = watch.alarms()
    clock.move(3700)
    await watch.look()
    (second,) = watch.alarms()
    assert str(lane.late) == "1 delivery waits, the oldest for 2 h 3 min"
    assert first.key == second.key, "people are told once of one trouble"
    assert "leadgate outbox list --crm twin" in str(second.text)


async def test_the_states_of_a_call_make_one_delivery(store: Store) -> None:
    live = CrmSettings(name="twin", adapter="memory", events=("*", "call.ringing", "call.answered"))
    for number, kind in enumerate(("call.ringing", "call.answered", "call.finished"), start=1):
        await put(store, live, number, event_type=kind, interaction_id="i-1")
    await put(store, live, 4, event_type="call.finished", interaction_id="i-2")
    assert await states(store) == ["dropped", "dropped", "waiting", "waiting"]
