"""What the API does with deliveries to CRMs: one by one, a whole CRM, a range."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select, update

from gateway.core.clock import new_id
from gateway.delivery import outbox
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Outbox
from gateway.web.api.deliveries import delivery_writes
from tests.integration.web.site import Site, running_site
from tests.support.clock import MONDAY
from tests.support.seed import add_delivery


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    async with running_site(store, writes=delivery_writes(["crm"])) as running:
        yield running


async def ask(site: Site, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(headers=await site.token(new_id())) as session,
        session.post(site.url(path), json=body) if body is not None else session.post(site.url(path)) as answer,
    ):
        return answer.status, await answer.json()


async def one(site: Site, state: str, crm: str = "crm") -> None:
    await site.store.write(lambda c: add_delivery(c, 7, lead_id=None, state=state, tries=1))
    await site.store.write(lambda c: c.execute(update(Outbox).values(crm=crm)))


def state(site: Site) -> str:
    return site.store.peek(lambda c: c.execute(select(Outbox.state).where(Outbox.id == 7)).scalar_one())


def deeds(site: Site) -> list[dict[str, Any]]:
    query = select(Audit.detail).where(Audit.action == "outbox.changed").order_by(Audit.id)
    return site.store.peek(lambda c: list(c.execute(query).scalars()))


async def test_one_delivery_is_tried_again_held_released_and_dropped(site: Site) -> None:
    await one(site, "dead")
    for deed, expected in (("retry", "waiting"), ("hold", "held"), ("release", "waiting"), ("drop", "dropped")):
        status, answer = await ask(site, f"/api/v1/deliveries/7/{deed}", {"reason": "the CRM moves"})
        assert (status, answer["status"], state(site)) == (200, expected, expected)
    assert answer["reason"] == "the CRM moves"
    assert (await ask(site, "/api/v1/deliveries/7/drop"))[0] == 409, "it was dropped already"
    assert [deed["deed"] for deed in deeds(site)] == ["retry", "hold", "release", "drop"]


@pytest.mark.parametrize("name", ["9", "0", "x", "-1", "1" * 40, "٧"])
async def test_a_delivery_that_is_not_there_is_not_found(site: Site, name: str) -> None:
    assert (await ask(site, f"/api/v1/deliveries/{name}/retry"))[0] == 404


async def test_a_whole_crm_is_held_and_released(site: Site) -> None:
    assert (await ask(site, "/api/v1/crms/crm/hold", {"reason": "moving"})) == (200, {"count": 1})
    assert site.store.peek(outbox.holds) == {"crm": "moving"}
    assert (await ask(site, "/api/v1/crms/crm/release")) == (200, {"count": 1})
    assert (await ask(site, "/api/v1/crms/crm/release")) == (200, {"count": 0})
    for deed in ("hold", "release", "retry"):
        assert (await ask(site, f"/api/v1/crms/nowhere/{deed}"))[0] == 404


async def test_what_was_given_up_is_tried_again_only_when_asked_for(site: Site) -> None:
    await one(site, "dead")
    assert (await ask(site, "/api/v1/crms/crm/retry")) == (200, {"count": 0})
    assert (await ask(site, "/api/v1/crms/crm/retry", {"dead": True})) == (200, {"count": 1})
    assert state(site) == "waiting"


async def test_a_range_is_sent_again(site: Site) -> None:
    await one(site, "done")
    made = site.store.peek(lambda c: c.execute(select(Outbox.created_at)).scalar_one())
    span = {"since": (made - timedelta(hours=1)).isoformat(), "until": made.isoformat()}
    assert (await ask(site, "/api/v1/crms/crm/replay", span)) == (200, {"count": 0}), "until is not in it"
    span["until"] = (made + timedelta(seconds=1)).isoformat()
    assert (await ask(site, "/api/v1/crms/crm/replay", {**span, "states": ["dead"]})) == (200, {"count": 0})
    assert (await ask(site, "/api/v1/crms/crm/replay", span)) == (200, {"count": 1})
    assert state(site) == "waiting"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": MONDAY.isoformat()},
        {"since": "2026-11-23", "until": "2026-11-24"},
        {"since": MONDAY.isoformat(), "until": MONDAY.isoformat(), "states": ["waiting"]},
        {"since": MONDAY.isoformat(), "until": MONDAY.isoformat(), "more": 1},
    ],
)
async def test_a_range_that_is_none_is_refused(site: Site, body: dict[str, Any]) -> None:
    await one(site, "done")
    assert (await ask(site, "/api/v1/crms/crm/replay", body))[0] in {400, 422}
    assert state(site) == "done"
