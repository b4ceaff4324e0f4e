"""Meta's thin leads, completed from a Graph on a real socket: also when it is down, slow to know, or we restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import NotDurable
from gateway.core.types import Kind
from gateway.webforms import completer
from gateway.webforms.settings import FormSettings
from tests.support.forms import Elsewhere, FormHouse
from tests.support.patience import PATIENCE
from tests.unit.webforms import senders

FULL: dict[str, Any] = senders.META_FULL
TOKEN = "page-token"


def form(elsewhere: Elsewhere) -> FormSettings:
    return FormSettings(key="site", preset="meta", graph_token=TOKEN, graph_url=f"{elsewhere.url}/v24.0")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completer, "BACK_OFF", (0.01,))


async def test_a_lead_is_kept_at_once_and_its_answers_follow_into_the_same_interaction() -> None:
    async with Elsewhere(answers={"/v24.0/111": FULL}).serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        async with house.client() as client:
            async with client.post("/f/site", json=senders.meta_thin("111")) as response:
                assert response.status == 200
            await until(lambda: len(house.sink.items) == 2)
            await until(lambda: house.cursors.values["form:site:thin"] == {"waiting": {}})
    thin, full = house.sink.items
    assert thin.key == full.key
    assert thin.dedup_key != full.dedup_key
    assert full.draft is not None
    assert (full.draft.name, full.draft.kind, full.draft.problems) == ("Иван Петров", Kind.MESSAGE, ())
    [(path, query, headers)] = elsewhere.asked
    assert (path, "field_data" in query["fields"]) == ("/v24.0/111", True)
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(query)


async def test_trap_9_while_graph_is_down_the_lead_is_kept_and_a_restart_forgets_nothing() -> None:
    async with Elsewhere(answers={"/v24.0/111": 500}).serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        async with house.client() as client:
            async with client.post("/f/site", json=senders.meta_thin("111")) as response:
                assert response.status == 200
            await until(lambda: len(elsewhere.asked) >= 2)
            [health] = house.intake.health()
            assert (health.ok, health.state, "graph_token" in str(health.detail)) == (False, "incomplete", True)
        assert len(house.sink.items) == 1
        elsewhere.answers["/v24.0/111"] = FULL
        later = FormHouse(form(elsewhere), cursors=house.cursors, sink=house.sink)
        async with later.client():
            await until(lambda: len(house.sink.items) == 2)


@pytest.mark.parametrize("trouble", [{"id": "111"}, 190, 404])
async def test_an_answer_without_fields_is_tried_again(trouble: Any) -> None:
    told = 400 if trouble == 190 else trouble
    async with Elsewhere(answers={"/v24.0/111": told}).serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        async with house.client() as client:
            await (await client.post("/f/site", json=senders.meta_thin("111"))).release()
            await until(lambda: len(elsewhere.asked) >= 2)
            elsewhere.answers["/v24.0/111"] = FULL
            await until(lambda: len(house.sink.items) == 2)


async def test_a_lead_that_graph_does_not_give_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completer, "BACK_OFF", (3_600.0,))
    async with Elsewhere(answers={"/v24.0/222": {**FULL, "id": "222"}}).serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        async with house.client() as client:
            await (await client.post("/f/site", json=senders.meta_thin("111"))).release()
            await until(lambda: elsewhere.asked)
            await (await client.post("/f/site", json=senders.meta_thin("222"))).release()
            await until(lambda: len(house.sink.items) == 3)
            assert house.intake.health()[0].ok, "the newest answer was given"
    assert list(house.cursors.values["form:site:thin"]["waiting"]) == ["111"]


async def test_what_can_not_be_stored_now_is_fetched_again_later() -> None:
    async with Elsewhere(answers={"/v24.0/111": FULL}).serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        original = house.sink.accept

        async def fail_once(item: Any) -> Any:
            if item.dedup_key.endswith(":completed") and len(elsewhere.asked) < 2:
                raise NotDurable("just now")
            return await original(item)

        house.sink.accept = fail_once  # type: ignore[method-assign]
        async with house.client() as client:
            await (await client.post("/f/site", json=senders.meta_thin("111"))).release()
            await until(lambda: len(house.sink.items) == 2)
    assert len(elsewhere.asked) == 2


async def test_a_lead_that_graph_never_gives_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    async with Elsewhere().serving() as elsewhere:
        house = FormHouse(form(elsewhere))
        async with house.client() as client:
            await (await client.post("/f/site", json=senders.meta_thin("111"))).release()
            await until(lambda: elsewhere.asked)
            house.clock.moment += completer.GIVE_UP + timedelta(seconds=1)
            await until(lambda: house.cursors.values["form:site:thin"] == {"waiting": {}})
    assert "complete_failed" in {
        getattr(record, "action", None) for record in caplog.records if record.levelname == "ERROR"
    }
    assert len(house.sink.items) == 1
