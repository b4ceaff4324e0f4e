"""The route for CURL() and programs; absences and days with other hours through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Connection, select

from gateway.core.clock import new_id
from gateway.routing.live import Route, RouteQuestion
from gateway.storage.store import Store
from gateway.storage.tables import Session
from gateway.web.api.routing import routing_reads, routing_writes
from gateway.web.guard import disguised
from tests.integration.routing.office import WEEK, people, schedules
from tests.integration.web.site import Site, new_browser, running_site
from tests.support.clock import MONDAY

AWAY = {"manager": "anna", "starts_at": MONDAY.isoformat(), "ends_at": (MONDAY + timedelta(days=7)).isoformat()}
TO_ANNA = Route(
    extension="101", manager_id="m-anna", manager_name="Anna", rule="owner", contact_id="c-1", contact_name="Иван"
)


class Desk:
    """Answers as a test says."""

    def __init__(self) -> None:
        self.asked: list[RouteQuestion] = []
        self.answer: Route | None = TO_ANNA

    async def __call__(self, question: RouteQuestion) -> Route | None:
        self.asked.append(question)
        return self.answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def site(store: Store, desk: Desk) -> AsyncIterator[Site]:
    await store.write(people)
    book = schedules(**WEEK)
    async with running_site(
        store, reads=routing_reads(desk, store), writes=routing_writes(book, timedelta(days=30))
    ) as running:
        yield running


async def ask(site: Site, method: str, path: str, **more: Any) -> tuple[int, Any]:
    headers = {**await site.token(new_id()), **more.pop("headers", {})}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, site.url(path), **more) as answer,
    ):
        is_json = "json" in answer.content_type
        return answer.status, await (answer.json(content_type=None) if is_json else answer.text())


async def test_the_route_as_the_contract_has_it(site: Site, desk: Desk) -> None:
    status, told = await ask(site, "GET", "/api/v1/route?caller=%2B79261234567&dialled=74950000101")
    assert status == 200
    assert told == {
        "extension": "101",
        "manager": {"id": "m-anna", "name": "Anna"},
        "rule": "owner",
        "contact": {"id": "c-1", "name": "Иван"},
    }
    assert desk.asked == [RouteQuestion(caller="+79261234567", dialled="74950000101")]


@pytest.mark.parametrize(
    ("query", "caller"),
    [("?caller=+79261234567", "+79261234567"), ("?caller=89261234567", "89261234567"), ("?caller=", None), ("", None)],
)
async def test_a_plus_that_was_not_quoted_is_a_plus(site: Site, desk: Desk, query: str, caller: str | None) -> None:
    await ask(site, "GET", f"/api/v1/route{query}")
    assert desk.asked[0].caller == caller


@pytest.mark.parametrize(("answer", "text"), [(TO_ANNA, "101"), (Route(), ""), (None, "")])
async def test_for_curl_there_is_the_extension_or_nothing(
    site: Site, desk: Desk, answer: Route | None, text: str
) -> None:
    desk.answer = answer
    found = await ask(site, "GET", "/api/v1/route?caller=1", headers={"Accept": "text/plain"})
    assert found == (200, text), "what CURL() reads goes into a Dial(): an error must not"


async def test_nobody_and_no_answer_in_time(site: Site, desk: Desk) -> None:
    desk.answer = Route()
    status, told = await ask(site, "GET", "/api/v1/route")
    assert (status, told) == (200, {"extension": None, "manager": None, "rule": "nobody", "contact": None})
    desk.answer = None
    assert (await ask(site, "GET", "/api/v1/route?caller=2"))[0] == 503


async def test_the_route_is_not_for_strangers_nor_for_every_manager(site: Site) -> None:
    async with aiohttp.ClientSession() as session, session.get(site.url("/api/v1/route")) as answer:
        assert answer.status == 401
    await site.add_user("manager", role="manager")
    async with new_browser(site) as browser:
        await browser.sign_in("manager")
        assert (await browser.get("/api/v1/route"))[0] == 403


async def test_an_absence_is_entered_listed_and_taken_back(site: Site) -> None:
    status, made = await ask(site, "POST", "/api/v1/absences", json={**AWAY, "substitute": "boris", "reason": "sea"})
    assert status == 201
    assert (made["manager"], made["substitute"], made["reason"]) == ("anna", "boris", "sea")
    assert (await ask(site, "GET", "/api/v1/absences"))[1] == {"items": [made]}
    assert (await ask(site, "DELETE", f"/api/v1/absences/{made['id']}"))[0] == 204
    assert (await ask(site, "DELETE", f"/api/v1/absences/{made['id']}"))[0] == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"manager": "nobody"}, 404),
        ({"substitute": "anna"}, 422),
        ({"ends_at": AWAY["starts_at"]}, 422),
        ({"starts_at": "2026-11-23T09:00:00"}, 400),
        ({"starts_at": "tomorrow"}, 400),
        ({"substitut": "boris"}, 400),
    ],
)
async def test_a_wrong_absence_is_refused(site: Site, changes: dict[str, Any], status: int) -> None:
    assert (await ask(site, "POST", "/api/v1/absences", json=AWAY | changes))[0] == status


async def test_hours_are_the_administrators(site: Site) -> None:
    day = {"first": "2026-12-31", "last": "2026-12-31", "hours": ["09:00-14:00"], "reason": "a short day"}
    assert (await ask(site, "POST", "/api/v1/hours/exceptions", json=day))[0] == 403
    await site.add_user("boss")
    async with new_browser(site) as browser:
        await browser.sign_in("boss")
        headers = {"X-CSRF-Token": disguised(site.store.peek(_tokens)[0])}

        async def send(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            async with browser.session.request(method, site.url(path), json=body, headers=headers) as answer:
                return answer.status, await answer.json() if answer.content_type.endswith("json") else None

        status, made = await send("POST", "/api/v1/hours/exceptions", day)
        assert (status, made["hours"], made["created_by"][:8]) == (201, ["09:00-14:00"], "manager:")
        assert (await send("POST", "/api/v1/hours/exceptions", day | {"schedules": ["suport"]}))[0] == 422
        assert (await send("POST", "/api/v1/hours/exceptions", day | {"hours": ["9"]}))[0] == 422
        assert (await send("GET", "/api/v1/hours/exceptions"))[1] == {"items": [made]}
        assert (await send("DELETE", f"/api/v1/hours/exceptions/{made['id']}"))[0] == 204
        assert (await send("GET", "/api/v1/hours/exceptions"))[1] == {"items": []}


def _tokens(connection: Connection) -> list[str]:
    """Of the signed-in sessions, as their pages hold them."""
    return list(connection.execute(select(Session.csrf)).scalars())
