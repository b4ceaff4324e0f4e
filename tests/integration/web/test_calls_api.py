"""Click to call over HTTP: who may ask, what is answered, and where what became of it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from gateway.capture.outcalls import StoredOutcalls
from gateway.core.outcalls import CallRefused, CallState, Refusal
from gateway.storage.store import Store
from gateway.storage.tables import Manager
from gateway.telephony.actions import CallingPbx, Originator
from gateway.telephony.actions.settings import OriginateSettings
from gateway.telephony.ami.errors import ActionRefused
from gateway.web.api.calls import call_writes, refused
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.seed import add_manager
from tests.unit.telephony.actions.fakes import FakePbx

NUMBER = {"number": "8 (926) 123-45-67"}


@pytest.fixture
def pbx() -> FakePbx:
    return FakePbx()


@pytest.fixture
def book(store: Store) -> StoredOutcalls:
    return StoredOutcalls(store, keep=None)


@pytest.fixture
async def site(store: Store, pbx: FakePbx, book: StoredOutcalls) -> AsyncIterator[Site]:
    await store.write(lambda c: add_manager(c, "m-boris", "boris", extensions=["102"]))
    settings = OriginateSettings(context="from-internal", per_hour=2)
    calls = Originator(
        {"office": CallingPbx(pbx=pbx, settings=settings)}, book, region="RU", clock=FakeClock(), new_id=counting_ids()
    )
    async with running_site(store, writes=call_writes(calls, store)) as running:
        yield running
        await calls.stop()


@pytest.fixture
async def anna(site: Site) -> AsyncIterator[Browser]:
    """A signed-in manager with the extension 101."""
    await site.add_user("anna")
    await site.store.write(
        lambda c: c.execute(update(Manager).where(Manager.login == "anna").values(extensions=["101"]))
    )
    async with new_browser(site) as browser:
        await browser.sign_in()
        yield browser


async def post(browser: Browser, site: Site, body: Any, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    async with browser.session.post(site.url("/api/v1/calls"), json=body, headers=headers) as answer:
        return answer.status, await answer.json(), dict(answer.headers)


async def ask(browser: Browser, site: Site, body: Any = NUMBER) -> tuple[int, dict[str, Any]]:
    """As the page does it: with the session's own token against forged forms."""
    status, answer, _ = await post(browser, site, body, **{"X-CSRF-Token": await browser.csrf("/leads")})
    return status, answer


async def test_a_signed_in_manager_is_connected_with_a_number(anna: Browser, site: Site, pbx: FakePbx) -> None:
    status, call = await ask(anna, site)
    assert status == 202
    assert (call["state"], call["number"], call["extension"]) == ("calling_manager", "+79261234567", "101")
    assert pbx.sent[0][1]["Channel"] == "PJSIP/101"
    async with anna.session.get(site.url(f"/api/v1/outcalls/{call['id']}")) as answer:
        assert answer.status == 200
        assert await answer.json() == call


async def test_what_became_of_it_can_be_asked(anna: Browser, site: Site, book: StoredOutcalls) -> None:
    _, call = await ask(anna, site)
    why = Refusal(code="manager_no_answer", reason="You did not pick up; the customer was not called.")
    await book.settle(call["id"], CallState.MANAGER_NO_ANSWER, why, MONDAY)
    async with anna.session.get(site.url(f"/api/v1/outcalls/{call['id']}")) as answer:
        told = await answer.json()
    assert (told["state"], told["reason"]) == ("manager_no_answer", why.reason)


async def test_a_program_says_for_whom_it_asks(site: Site, pbx: FakePbx) -> None:
    token = await site.token()
    async with new_browser(site) as program:
        status, problem, _ = await post(program, site, NUMBER, **token)
        assert (status, problem["code"]) == (422, "manager_missing")
        status, problem, _ = await post(program, site, {**NUMBER, "manager": "nobody"}, **token)
        assert (status, problem["code"]) == (422, "unknown_manager")
        status, problem, _ = await post(program, site, {**NUMBER, "manager": "a\x00b"}, **token)
        assert status in (400, 422)
        status, call, _ = await post(program, site, {**NUMBER, "manager": "boris"}, **token)
    assert (status, call["manager"], call["extension"]) == (202, "m-boris", "102")
    assert len(pbx.sent) == 1


async def test_nobody_calls_from_a_colleagues_phone(anna: Browser, site: Site, pbx: FakePbx) -> None:
    status, problem = await ask(anna, site, {**NUMBER, "manager": "boris"})
    assert (status, problem["code"]) == (403, "not_you")
    status, problem = await ask(anna, site, {**NUMBER, "extension": "102"})
    assert (status, problem["code"]) == (403, "not_your_extension")
    assert pbx.sent == []


async def test_a_stranger_and_a_forged_form_are_refused(anna: Browser, site: Site, pbx: FakePbx) -> None:
    async with new_browser(site) as stranger:
        assert (await post(stranger, site, NUMBER))[0] in (401, 403)
    assert (await post(anna, site, NUMBER))[0] == 403
    assert (await post(anna, site, NUMBER, **{"X-CSRF-Token": "forged"}))[0] == 403
    assert pbx.sent == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"number": "112"}, 403, "emergency_number"),
        ({"number": "+442071838750"}, 403, "number_not_allowed"),
        ({"number": "+78091234567"}, 403, "premium_number"),
        ({"number": "anonymous"}, 422, "bad_number"),
        ({"number": "+79261234567\r\nAction: Command"}, 422, "bad_number"),
        ({**NUMBER, "pbx": "depot"}, 422, "unknown_pbx"),
        ({**NUMBER, "contact": "nobody"}, 422, "unknown_contact"),
        ({}, 400, "bad_body"),
        ({**NUMBER, "application": "System"}, 400, "bad_body"),
        ({"number": 79261234567}, 400, "bad_body"),
    ],
)
async def test_what_can_not_be_is_a_problem_with_words(
    anna: Browser, site: Site, pbx: FakePbx, body: Any, status: int, code: str
) -> None:
    got, problem = await ask(anna, site, body)
    assert (got, problem["code"]) == (status, code)
    assert len(problem["detail"]) > 20
    assert pbx.sent == []


async def test_who_asks_too_often_is_told_when_to_come_back(anna: Browser, site: Site, book: StoredOutcalls) -> None:
    csrf = {"X-CSRF-Token": await anna.csrf("/leads")}
    _, first, _ = await post(anna, site, NUMBER, **csrf)
    status, problem, headers = await post(anna, site, NUMBER, **csrf)
    assert (status, problem["code"], headers["Retry-After"]) == (409, "already_calling", "10")
    await book.settle(first["id"], CallState.MANAGER_BUSY, None, MONDAY)
    _, second, _ = await post(anna, site, NUMBER, **csrf)
    await book.settle(second["id"], CallState.MANAGER_BUSY, None, MONDAY)
    status, problem, headers = await post(anna, site, NUMBER, **csrf)
    assert (status, problem["code"], headers["Retry-After"]) == (429, "too_many_calls", "60")


async def test_a_pbx_that_is_away_or_refuses_is_told(anna: Browser, site: Site, pbx: FakePbx) -> None:
    pbx.connected = False
    assert (await ask(anna, site))[0] == 503
    pbx.connected, pbx.error = True, ActionRefused("Permission denied")
    status, problem = await ask(anna, site)
    assert (status, problem["code"]) == (502, "no_right")
    assert "manager.conf" in problem["detail"]


async def test_there_is_no_outcall_that_nobody_asked_for(anna: Browser, site: Site) -> None:
    async with anna.session.get(site.url("/api/v1/outcalls/nothing")) as answer:
        assert answer.status == 404


async def test_the_description_names_the_operations(anna: Browser, site: Site) -> None:
    async with anna.session.get(site.url("/api/openapi.json")) as answer:
        paths = (await answer.json())["paths"]
    assert paths["/api/v1/calls"]["post"]["operationId"] == "makeCall"
    assert paths["/api/v1/outcalls/{id}"]["get"]["operationId"] == "getOutcall"


def test_a_refusal_that_the_table_does_not_know_is_still_the_askers() -> None:
    assert refused(CallRefused("Something new.", code="new")).status == 422
