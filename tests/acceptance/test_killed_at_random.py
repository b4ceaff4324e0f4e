"""The promise of Leadgate: the real process, under load, is killed twenty times, and nothing acknowledged is lost.

The seed is printed; ``LEADGATE_SEED=N`` repeats the same moments (not the same load: that depends on the machine).
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.ledger import compare
from tests.acceptance.load import FORM_TABLE, Load, names_of
from tests.faults.nursery import Nursery
from tests.support.process import Api, GatewayProcess, Installation
from tests.support.receiver import Receiver

KILLS = 20
AT_WORK = 0.8
"""A kill comes at most so many seconds after the gateway was ready."""
STARTING = 1.5
"""Every fourth kill comes at most so many seconds after the process was born: in its start, or just after it."""
SETTLED_WITHIN = 90.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver that is never killed."""
    running = Receiver()
    await running.start()
    yield running
    await running.stop()


def _crm(receiver: Receiver) -> str:
    return (
        '[[crm]]\nname = "hook"\nadapter = "webhook"\nallow_private = true\n'
        f'url = "{receiver.url}"\nsecret = "{receiver.secret}"\n'
    )


async def _kill_at_random(installation: Installation, chance: random.Random, nursery: Nursery) -> GatewayProcess:
    """Start and kill, KILLS times; returns the last process, which runs."""
    for number in range(KILLS):
        if number % 4 == 3:
            process = installation.start()
            await asyncio.sleep(chance.uniform(0, STARTING))
        else:
            process = nursery.start(installation)
            await process.ready()
            await asyncio.sleep(chance.uniform(0, AT_WORK))
        assert process.exit_code is None, process.log_tail()
        process.kill()
    last = installation.start()
    await last.ready()
    return last


def _integrity(data: Path) -> str:
    with sqlite3.connect(data / "leadgate.db") as connection:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return str(answer)


async def test_everything_acknowledged_is_there_once_after_twenty_kills(tmp_path: Path, receiver: Receiver) -> None:
    seed = int(os.environ.get("LEADGATE_SEED") or random.randrange(2**32))
    print(f"LEADGATE_SEED={seed}")
    installation = Installation.make(tmp_path / "gateway", more=FORM_TABLE + _crm(receiver))
    with Nursery() as nursery:
        async with Load(installation) as load:
            process = await _kill_at_random(installation, random.Random(seed), nursery)
    try:
        api = Api(installation, installation.new_token())
        await api.settled(SETTLED_WITHIN)
        interactions = await api.everything("/api/v1/interactions")
        leads = await api.everything("/api/v1/leads")
    finally:
        process.kill()

    assert len(load.ledger.acknowledged) > 10 * KILLS, "there was load to speak of"
    verdict = compare(load.ledger, names_of(interactions))
    assert verdict.kept, verdict
    assert {channel for item in interactions if (channel := item["channel"])} == {"form", "mail"}

    # Each item is from another person: so each opened one lead, and none was opened by half a transaction.
    opened_by = Counter(interaction for lead in leads for interaction in lead["interactions"])
    assert opened_by == Counter(item["id"] for item in interactions)
    assert len(leads) == len(interactions)

    told = defaultdict(set)
    for message_id, document in receiver.kept.items():
        if document["type"] == "lead.created":
            told[document["data"]["id"]].add(message_id)
    assert told.keys() == {lead["id"] for lead in leads}, "the receiver was told of every lead, and of no other"
    assert all(len(message_ids) == 1 for message_ids in told.values()), "one event, one webhook-id, over all retries"
    assert receiver.forged == 0
    assert _integrity(installation.data) == "ok"
    print(
        f"{len(load.ledger.sent)} sent, {len(load.ledger.acknowledged)} acknowledged, {len(interactions)} stored, "
        f"{len(receiver.arrivals)} webhooks of {len(receiver.kept)} events"
    )
