"""Many deliveries through the real worker, with faults: what arrived, compared with what should have.

    python -m tests.contract.storm --deliveries 10000

prints a row an adapter. ``--cleaning``: in the middle people delete contacts and leads at the CRM.
``test_storm.py`` runs the same with few.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, func, insert, select

from crm_adapter.base import Capabilities, Capable, Context, CrmAdapter, Done, Event
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import PASSING, Asked, FakeCrm, Reply, Trouble
from gateway.core.clock import new_id
from gateway.delivery import outbox
from gateway.delivery.breaker import PAUSES
from gateway.delivery.claims import UNSENT
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import Surroundings
from gateway.delivery.worker import DeliveryWorker
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Attempt, CrmLink, Manager, Outbox
from tests.contract import (
    files,
    test_amocrm,
    test_bitrix24,
    test_email,
    test_espocrm,
    test_hubspot,
    test_odoo,
    test_pipedrive,
    test_salesforce,
    test_suitecrm,
    test_tryton,
    test_zoho,
)
from tests.support.clock import MONDAY, FakeClock
from tests.support.fakecrm.amocrm import FakeAmoCrm
from tests.support.fakecrm.bitrix24 import FakeBitrix24
from tests.support.fakecrm.espocrm import FakeEspoCrm
from tests.support.fakecrm.folder import FakeFolder
from tests.support.fakecrm.hubspot import FakeHubSpot
from tests.support.fakecrm.mailserver import FakeMailServer
from tests.support.fakecrm.odoo import FakeOdoo
from tests.support.fakecrm.pipedrive import FakePipedrive
from tests.support.fakecrm.salesforce import FakeSalesforce
from tests.support.fakecrm.suitecrm import FakeSuiteCrm
from tests.support.fakecrm.told import shown_of
from tests.support.fakecrm.tryton import FakeTryton
from tests.support.fakecrm.zoho import FakeZoho
from tests.support.receiver import SECRET

CRM = "storm"
STEPS = 6
"""Events of one person's story."""
HALF = 3
"""Of them; then people clean up, where they do."""
PAUSE = PAUSES[-1] * 2
"""Seconds by which the clock is moved on, at least: beyond what the breaker waits."""
DAY = 86_400.0
SHARE = 0.2
"""Of the tries meet a fault, each at one of the requests that it makes."""


class FakeHook(FakeCrm):
    """A receiver of Standard Webhooks that keeps each message once."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, dict[str, Any]] = {}

    def is_signed_in(self, asked: Asked) -> bool:
        return "webhook-signature" in asked.headers

    def answer(self, asked: Asked) -> Reply:
        self.kept.setdefault(asked.headers["webhook-id"], asked.json())
        return Reply(status=204)

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return shown_of(self.kept.values())


class Faults:
    """One for each fifth try, at any of the requests that are made then."""

    def __init__(self, seed: int = 7) -> None:
        self._chance = Random(seed)
        self._due = 0

    def a_try_begins(self) -> None:
        """Perhaps a fault is due."""
        self._due += self._chance.random() < SHARE

    def choose(self, _: Asked) -> Trouble | None:
        """For the fake: whether this request is the one."""
        if not self._due or self._chance.random() < 0.5:
            return None
        self._due -= 1
        return self._chance.choice(PASSING)


class Shaken:
    """The adapter, with faults due at its tries."""

    def __init__(self, adapter: CrmAdapter, faults: Faults) -> None:
        self._adapter = adapter
        self._faults = faults
        self.capabilities = adapter.capabilities if isinstance(adapter, Capable) else Capabilities()

    async def push(self, event: Event) -> Done:
        """Pass it on."""
        self._faults.a_try_begins()
        return await self._adapter.push(event)

    async def close(self) -> None:
        """Pass it on."""
        await self._adapter.close()


@dataclass(frozen=True, slots=True)
class Sort:
    """One adapter to try."""

    adapter: str
    fake: Callable[[], FakeCrm]
    options: Callable[[FakeCrm], Mapping[str, Any]]
    build: Callable[[CrmSettings, Context, FakeCrm], CrmAdapter] = lambda crm, context, _: crm.build(context)


SIDES = {
    "csv": Sort("csv", partial(FakeFolder, ".csv"), files.storm_options, files.build),
    "jsonl": Sort("jsonl", partial(FakeFolder, ".jsonl"), files.storm_options, files.build),
    "email": Sort("email", FakeMailServer, test_email.options),
    "salesforce": Sort("salesforce", FakeSalesforce, test_salesforce.options),
    "zoho": Sort("zoho", FakeZoho, test_zoho.options),
    "webhook": Sort("webhook", FakeHook, lambda fake: {"url": fake.url, "secret": SECRET}),
    "bitrix24 (webhook)": Sort("bitrix24", FakeBitrix24, test_bitrix24.webhook_options),
    "bitrix24 (application)": Sort("bitrix24", partial(FakeBitrix24, is_app=True), test_bitrix24.app_options),
    "amocrm": Sort("amocrm", FakeAmoCrm, test_amocrm.token_options),
    "odoo (JSON-2)": Sort("odoo", FakeOdoo, test_odoo.json2_options),
    "odoo (JSON-RPC)": Sort("odoo", partial(FakeOdoo, old=True), test_odoo.jsonrpc_options),
    "tryton": Sort("tryton", FakeTryton, test_tryton.tryton_options),
    "hubspot": Sort("hubspot", FakeHubSpot, test_hubspot.hubspot_options),
    "espocrm": Sort("espocrm", FakeEspoCrm, test_espocrm.espocrm_options),
    "suitecrm": Sort("suitecrm", FakeSuiteCrm, test_suitecrm.suitecrm_options),
    "pipedrive": Sort("pipedrive", FakePipedrive, test_pipedrive.pipedrive_options),
}


KEEP_EVERYTHING = frozenset({"csv", "jsonl", "email", "webhook"})
"""Adapters that hand events on: there are no records that people could delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one storm."""

    deliveries: int
    tries: Mapping[str, int]
    """By result."""
    states: Mapping[str, int]
    given_up: int
    """Rows that failed as often as the table of pauses allows (once in some million at this share), and that went on
    when they were retried by hand, as people do."""
    wrong: Sequence[str]
    """Sentences: what was lost, doubled or out of order."""
    seconds: float

    @property
    def failed_share(self) -> float:
        """Of the tries."""
        return 1 - self.tries.get("done", 0) / max(sum(self.tries.values()), 1)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """People delete the contacts of every seventh person, and the leads of every fifth."""

    contacts: int = 7
    leads: int = 5

    async def clean(self, store: Store, fake: FakeCrm) -> None:
        """Now."""
        links = await store.read(lambda c: c.execute(select(CrmLink.kind, CrmLink.local_id, CrmLink.remote_id)).all())
        ids = {(link.kind, link.local_id): link.remote_id for link in links}
        for (kind, local_id), remote_id in ids.items():
            person = int(local_id[-12:-6])
            if kind == "lead" and person % self.leads == 0:
                fake.remove("lead", remote_id)
            if kind == "contact" and person % self.contacts == 0:
                fake.remove("contact", remote_id)

    def compare(self, shown: Mapping[str, Sequence[Mapping[str, Any]]], persons: int) -> Sequence[str]:
        """What is wrong: what came after people had cleaned up must be there once, whatever went with the records."""
        wrong = _doubles(shown)
        missed = sum(int(one["seconds"]) == 0 for one in shown["call"])
        if missed != persons:
            wrong.append(f"{missed} missed calls, not {persons}")
        if len(shown["mail"]) != persons:
            wrong.append(f"{len(shown['mail'])} of mail, not {persons}")
        kept = persons - persons // self.leads
        if len(shown["lead"]) > kept:
            wrong.append(f"{len(shown['lead'])} of lead, of which people left {kept}")
        least = persons - persons // self.contacts
        if len(shown["contact"]) < least:
            wrong.append(f"{len(shown['contact'])} of contact, and people left {least}")
        return [*wrong, *_stale(shown)]


async def storm(
    sort: Sort, folder: Path, *, deliveries: int, faults: Faults | None = None, cleaning: Cleaning | None = None
) -> Outcome:
    """Put the stories of many persons out, push them through trouble, and look at what the CRM has."""
    persons = deliveries // STEPS
    fake, faults = sort.fake(), faults or Faults()
    clock = FakeClock()
    await fake.start()
    fake.choose = faults.choose
    table = {"name": CRM, "adapter": sort.adapter, "allow_private": True, **sort.options(fake), "timeout": 5}
    crm = CrmSettings.from_table(table)
    upgrade(StorageSettings(), folder)
    store = Store.open(StorageSettings(), folder)
    await store.start()
    try:
        await store.write(_add_managers)
        started = time.monotonic()
        context = Surroundings(store=store, clock=clock, data=folder).context(crm)
        given_up = 0
        for steps in (range(HALF), range(HALF, STEPS)) if cleaning else (range(STEPS),):
            await store.write(partial(_fill, crm=crm, persons=persons, steps=steps))
            given_up += await _deliver(store, crm, Shaken(sort.build(crm, context, fake), faults), clock)
            if cleaning and steps.start == 0:
                await cleaning.clean(store, fake)
        seconds = time.monotonic() - started
        tries = await store.read(_tries)
        states = await store.read(_states)
        not_done = await store.read(_not_done)
    finally:
        await store.stop()
        await fake.stop()
    judge = cleaning.compare if cleaning else compare
    wrong = [*judge(fake.shown(), persons), *not_done]
    return Outcome(
        deliveries=persons * STEPS, tries=tries, states=states, given_up=given_up, wrong=wrong, seconds=seconds
    )


def _add_managers(connection: Connection) -> None:
    for one in events.MANAGERS:
        row = {"id": one.id, "login": one.login, "name": one.name, "role": "manager", "email": one.email,
               "extensions": list(one.extensions), "created_at": MONDAY}  # fmt: skip
        connection.execute(insert(Manager), row)


def _fill(connection: Connection, *, crm: CrmSettings, persons: int, steps: range) -> None:
    stories = [events.story(person) for person in range(1, persons + 1)]
    for step in steps:
        for person, story in enumerate(stories, start=1):
            event = story[step]
            outbox.enqueue(
                connection, [crm], event_type=event.type, order_key=events.ident(1, person), data=event.data,
                at=MONDAY, new_id=new_id, interaction_id=str(event.data["id"]),
                lead_id=str(event.data["id"]) if event.type.startswith("lead") else None,
            )  # fmt: skip


async def _deliver(store: Store, crm: CrmSettings, adapter: Shaken, clock: FakeClock) -> int:
    """Until nothing waits; time is moved, so that no pause is waited for. How many were given up and retried."""
    given_up = 0
    worker = DeliveryWorker(
        store=store, clock=clock, crms=[crm], adapters={CRM: adapter}, random=lambda: 0.0, poll=0.02
    )
    await worker.start()
    step, tried = PAUSE, 0
    try:
        while True:
            if not await store.read(_is_busy):
                again = await store.write(partial(_retry_given_up, clock.now()))
                if not again:
                    return given_up
                given_up += again
            before, tried = tried, await store.read(_count_tries)
            step = PAUSE if tried > before else min(step * 2, DAY)  # only long pauses are left
            clock.move(step)
            if await store.read(outbox.holds):  # a token refused twice in a row: a person looks, and lets it go on
                await store.write(lambda connection: outbox.release_crm(connection, CRM))
            worker.kick()
            await asyncio.sleep(0.05)
    finally:
        await worker.stop()


def _tries(connection: Connection) -> dict[str, int]:
    query = select(Attempt.result, func.count()).group_by(Attempt.result)
    return {str(result): count for result, count in connection.execute(query)}


def _is_busy(connection: Connection) -> bool:
    return connection.execute(select(Outbox.id).where(Outbox.state.in_(UNSENT)).limit(1)).first() is not None


def _count_tries(connection: Connection) -> int:
    return connection.execute(select(func.max(Attempt.id))).scalar_one() or 0


def _retry_given_up(at: datetime, connection: Connection) -> int:
    """Dead letters that the CRM never refused; what it refused stays dead, and is told."""
    mine = (Outbox.state == outbox.DEAD, Outbox.reason.like("given up after %"))
    return outbox.retry(connection, connection.execute(select(Outbox.id).where(*mine)).scalars().all(), at)


def _not_done(connection: Connection) -> list[str]:
    rows = connection.execute(select(Outbox).where(Outbox.state != "done"))
    return [f"{row.event_type} is {row.state} after {row.attempts} tries: {row.reason}" for row in rows]


def _states(connection: Connection) -> dict[str, int]:
    query = select(Outbox.state, func.count()).group_by(Outbox.state)
    return {str(state): count for state, count in connection.execute(query)}


def compare(shown: Mapping[str, Sequence[Mapping[str, Any]]], persons: int) -> Sequence[str]:
    """What is wrong, as sentences; ``lead.updated`` may have replaced nothing, so every step must be there."""
    wrong = []
    for kind, wanted in (("contact", 1), ("lead", 1), ("call", 2), ("mail", 1), ("form", 1)):
        if len(shown[kind]) != wanted * persons:
            wrong.append(f"{len(shown[kind])} of {kind}, not {wanted * persons}")
    wrong += [*_doubles(shown), *_stale(shown)]
    calls: dict[str, list[int]] = defaultdict(list)
    for one in shown["call"]:
        calls[str(one["number"])].append(int(one["seconds"]))
    wrong += [f"calls of {number} came as {seconds}" for number, seconds in calls.items() if seconds != [60, 0]]
    return wrong


def _doubles(shown: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    counts = Counter(one["phones"][0] for one in shown["contact"])
    return [f"{phone} is twice a contact" for phone, count in counts.items() if count > 1]


def _stale(shown: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    stale = sum("4 метра" not in one["text"] for one in shown["lead"])
    return [f"{stale} leads without their last text"] if stale else []


async def main(deliveries: int, only: str, cleaning: Cleaning | None) -> int:
    """Print the table; 1 where something is wrong."""
    head = ("deliveries", "tries", "failed", "given up", "lost", "doubled or", "a second")
    print(f"{'adapter':<24}" + "".join(f"{word:>11}" for word in head))
    print(f"{'':<79}{'disordered':>11}")
    bad = 0
    for name, sort in SIDES.items():
        if only not in name or (cleaning and sort.adapter in KEEP_EVERYTHING):
            continue
        with TemporaryDirectory() as folder:
            found = await storm(sort, Path(folder), deliveries=deliveries, cleaning=cleaning)
        lost = found.deliveries - found.states.get("done", 0)
        bad += len(found.wrong) + lost
        print(
            f"{name:<24}{found.deliveries:>11}{sum(found.tries.values()):>11}{found.failed_share:>11.1%}"
            f"{found.given_up:>11}{lost:>11}{len(found.wrong):>11}{found.deliveries / found.seconds:>11.0f}"
        )
        for sentence in found.wrong[:5]:
            print(f"    {sentence}")
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--only", default="", metavar="NAME", help="adapters whose name has this in it")
    parser.add_argument("--cleaning", action="store_true", help="people delete contacts and leads in the middle")
    given = parser.parse_args()
    raise SystemExit(asyncio.run(main(given.deliveries, given.only, Cleaning() if given.cleaning else None)))
