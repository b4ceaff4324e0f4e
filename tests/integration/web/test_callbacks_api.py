"""Callbacks over HTTP: lists and their filters, every deed, who may, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from openapi_spec_validator import validate
from sqlalchemy import update

from gateway.core.outcalls import CallRefused, CallRequest, CallState, Originated
from gateway.storage.store import Store
from gateway.storage.tables import Change, Manager
from gateway.web.api.callbacks import callback_writes
from gateway.web.api.openapi import document
from gateway.web.settings import WebSettings
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.support.callbacks import IVAN, LINE, PETR, CallbackHouse, minute, missed, ours
from tests.support.seed import add_manager, add_managers

API = "/api/v1/callbacks"
OWN_ROWS_ONLY = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")


class Phones:
    """A ``core.outcalls.CallMaker`` that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[CallRequest] = []
        self.refusal: CallRefused | None = None

    async def originate(self, request: CallRequest) -> Originated:
        self.asked.append(request)
        if self.refusal is not None:
            raise self.refusal
        return Originated(
            id="o1", manager_id=request.manager_id, pbx="office", extension="101", number=request.number,
            state=CallState.CALLING_MANAGER, code=None, reason=None,
        )  # fmt: skip


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> CallbackHouse:
    """Ivan waits since noon, Petr since 12:05, somebody anonymous since 12:10."""
    house = CallbackHouse(store, tmp_path / "spool")
    await store.write(lambda c: add_manager(c, "m-boris", "boris", name="Boris", extensions=["102"]))
    await house.take(missed(minute(0)), missed(minute(5), who=PETR, rang=["102"]), missed(minute(10), who=None))
    return house


@pytest.fixture
async def site(store: Store, house: CallbackHouse, phones: Phones) -> AsyncIterator[Site]:
    writes = callback_writes(house.desk, ("15m", "1h"), phones, store)
    async with running_site(store, writes=writes) as running:
        running.clock.move(15 * 60)
        yield running


class Program:
    """A client with a token."""

    def __init__(self, site: Site, headers: dict[str, str], session: aiohttp.ClientSession) -> None:
        self._site = site
        self._headers = headers
        self._session = session

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        async with self._session.get(self._site.url(path), params=query, headers=self._headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def post(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        sent: dict[str, Any] = {} if body is None else {"json": body}
        async with self._session.post(self._site.url(path), headers={**self._headers, **more}, **sent) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ids(self, **query: str) -> list[str]:
        """The numbers of those that wait, in the order of the list."""
        status, page = await self.get(API, **query)
        assert status == 200, page
        return [item["number"] for item in page["items"]]


@pytest.fixture
async def program(site: Site) -> AsyncIterator[Program]:
    async with aiohttp.ClientSession() as session:
        yield Program(site, await site.token(), session)


def key_of(house: CallbackHouse, number: str | None = IVAN) -> str:
    return next(found.id for found in house.all() if found.number == number)


async def test_the_list_and_one_of_it(program: Program, house: CallbackHouse) -> None:
    assert await program.ids() == [None, PETR, IVAN]
    status, one = await program.get(f"{API}/{key_of(house)}")
    assert status == 200
    assert {name: one[name] for name in ("state", "reason", "number", "line", "tries", "attempts", "overdue")} == {
        "state": "open", "reason": "no_answer", "number": IVAN, "line": LINE, "tries": 1, "attempts": 0,
        "overdue": False,
    }  # fmt: skip
    assert one["contact"]["phones"] == [IVAN]
    assert one["due_at"] == "2026-11-23T09:30:00Z"
    assert [step["kind"] for step in one["history"]] == ["opened"]
    assert [one["at"] for one in one["all_tries"]] == ["2026-11-23T09:00:00Z"]


FILTERED = [
    ({"status": "waiting"}, [None, PETR, IVAN]),
    ({"status": "open"}, [None, PETR, IVAN]),
    ({"status": "over"}, []),
    ({"status": "claimed"}, []),
    ({"status": "overdue"}, []),
    ({"status": "anonymous"}, [None]),
    ({"manager": "boris"}, [PETR]),
    ({"manager": "m-boris"}, [PETR]),
    ({"manager": "none"}, [None, IVAN]),
    ({"phone": "8 926 123 45 67"}, [IVAN]),
    ({"channel": "call"}, [None, PETR, IVAN]),
    ({"channel": "form"}, []),
    ({"q": "765"}, [PETR]),
    ({"q": "1234567"}, [IVAN]),
    ({"since": "2026-11-23T09:05:00Z"}, [None, PETR]),
    ({"until": "2026-11-23T09:05:00Z"}, [IVAN]),
]


@pytest.mark.parametrize(("query", "numbers"), FILTERED, ids=[str(row[0]) for row in FILTERED])
async def test_filters(program: Program, query: dict[str, str], numbers: list[str | None]) -> None:
    assert await program.ids(**query) == numbers


async def test_an_unknown_status_is_refused_with_those_there_are(program: Program) -> None:
    status, problem = await program.get(API, status="opn")
    assert status == 400
    assert "waiting" in problem["detail"]


async def test_overdue_is_asked_of_the_clock(program: Program, site: Site) -> None:
    site.clock.move(21 * 60)
    assert await program.ids(status="overdue") == [PETR, IVAN]


async def test_pages_by_cursor(program: Program) -> None:
    found: list[Any] = []
    cursor = ""
    for _ in range(3):
        _, page = await program.get(API, limit="1", cursor=cursor)
        found += [item["number"] for item in page["items"]]
        cursor = page["next"] or ""
    assert (found, cursor) == ([None, PETR, IVAN], "")


async def test_the_life_of_a_callback_by_a_program(program: Program, house: CallbackHouse) -> None:
    path = f"{API}/{key_of(house)}"
    for name, body, state in (
        ("claim", {"manager": "boris"}, "claimed"),
        ("release", None, "open"),
        ("assign", {"manager": "boris"}, "open"),
        ("attempt", {"outcome": "busy", "note": "mailbox full"}, "attempted"),
        ("snooze", {"preset": "1h"}, "snoozed"),
        ("note", {"text": "wants a kitchen"}, "snoozed"),
        ("close", {"reason": "reached"}, "reached_by_us"),
        ("undo", None, "snoozed"),
        ("close", None, "closed"),
        ("reopen", None, "attempted"),
    ):
        status, answer = await program.post(f"{path}/{name}", body)
        assert (status, answer.get("state")) == (200, state), (name, answer)
    assert [step["kind"] for step in answer["history"]] == [
        "opened", "claimed", "released", "assigned", "attempted", "snoozed", "noted", "closed", "undone", "closed",
        "reopened",
    ]  # fmt: skip
    assert all(step["actor"].startswith("token:") for step in answer["history"][1:])


async def test_all_missed_calls_are_marked_as_seen_at_once(program: Program, house: CallbackHouse) -> None:
    """zammad #2647."""
    keys = [found.id for found in house.all()]
    await program.post(f"{API}/{keys[1]}/close")
    asked = {"ids": [*keys, "nothing", keys[0]], "deed": "close", "reason": "not_needed", "note": "a fair"}
    status, answer = await program.post(f"{API}/many", asked)
    assert status == 200
    assert answer["done"] == [keys[0], keys[2]]
    assert {one["id"]: one["code"] for one in answer["refused"]} == {keys[1]: "conflict", "nothing": "not_found"}
    assert [found.close_reason for found in house.all()] == ["not_needed", "other", "not_needed"]
    assert house.all()[2].history[-1].note == "a fair"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"deed": "claim", "manager": "boris"}, "claimed"),
        ({"deed": "release"}, "open"),
        ({"deed": "assign", "manager": "boris"}, "open"),
        ({"deed": "snooze"}, "snoozed"),
        ({"deed": "snooze", "preset": "09:00"}, "snoozed"),
    ],
)
async def test_other_deeds_to_several(program: Program, house: CallbackHouse, body: dict[str, Any], state: str) -> None:
    keys = [found.id for found in house.all()]
    status, answer = await program.post(f"{API}/many", {"ids": keys, **body})
    assert (status, answer) == (200, {"done": keys, "refused": []})
    assert {found.state for found in house.all()} == {state}


@pytest.mark.parametrize("body", [{"ids": [], "deed": "close"}, {"ids": ["x"], "deed": "undo"}, {"deed": "close"}])
async def test_a_wrong_request_for_several_is_refused(program: Program, body: dict[str, Any]) -> None:
    assert (await program.post(f"{API}/many", body))[0] == 400


async def test_fifty_programs_claim_at_once_and_one_wins(program: Program, house: CallbackHouse) -> None:
    people = [f"p{number}" for number in range(50)]
    await house.store.write(lambda c: add_managers(c, people))
    path = f"{API}/{key_of(house)}/claim"
    done = await asyncio.gather(*(program.post(path, {"manager": one}) for one in people))
    assert sorted(status for status, _ in done) == [200] + [409] * 49
    assert all("took it" in answer["detail"] for status, answer in done if status == 409)


REFUSED: list[tuple[str, Any, int, str]] = [
    ("claim", None, 422, "Say for which manager"),
    ("claim", {"manager": "nobody"}, 404, "no active manager"),
    ("claim", {"manger": "boris"}, 400, "manger"),
    ("assign", {}, 400, "manager"),
    ("assign", {"manager": 5}, 400, "manager"),
    ("snooze", {"preset": "soon"}, 422, "Write"),
    ("snooze", {"until": "2020-01-01T00:00:00Z"}, 422, "still to come"),
    ("snooze", {"until": "2026-11-24T00:00:00"}, 422, "time zone"),
    ("snooze", {"until": "2026-11-24T00:00:00Z", "preset": "1h"}, 422, "not both"),
    ("snooze", {"until": "tomorrow"}, 400, "until"),
    ("attempt", {"outcome": "great"}, 400, "outcome"),
    ("note", {"text": "   "}, 422, "empty"),
    ("note", {"text": "a\u0000b"}, 400, "NUL"),
    ("note", None, 415, "JSON"),
    ("close", {"reason": "called_again"}, 422, "closes with"),
    ("reopen", None, 409, "open already"),
    ("undo", None, 409, "nothing to undo"),
]


@pytest.mark.parametrize(("name", "body", "status", "words"), REFUSED, ids=[f"{r[0]}-{r[1]}" for r in REFUSED])
async def test_what_is_refused_says_why(
    program: Program, house: CallbackHouse, name: str, body: Any, status: int, words: str
) -> None:
    answered, problem = await program.post(f"{API}/{key_of(house)}/{name}", body)
    assert (answered, words in problem["detail"]) == (status, True), problem
    assert house.all()[0].version == 1, "nothing was changed"


@pytest.mark.parametrize("name", ["claim", "release", "assign", "snooze", "attempt", "note", "close", "undo", "call"])
async def test_a_callback_that_is_not_there(program: Program, name: str) -> None:
    bodies = {"claim": {"manager": "boris"}, "assign": {"manager": None}, "note": {"text": "x"}}
    status, problem = await program.post(f"{API}/nothing/{name}", bodies.get(name))
    assert (status, problem["code"]) == (404, "not_found")
    assert (await program.get(f"{API}/nothing"))[0] == 404


async def test_who_knows_an_older_version_is_told(program: Program, house: CallbackHouse) -> None:
    path = f"{API}/{key_of(house)}"
    assert (await program.post(f"{path}/claim", {"manager": "boris"}, If_Match='"1"'))[0] == 200
    status, problem = await program.post(f"{path}/release", None, If_Match='"1"')
    assert (status, problem["detail"]) == (
        409, "Somebody changed this callback meanwhile: it is at version 2, not 1.",
    )  # fmt: skip


async def test_calling_back_asks_the_pbx_for_the_owner_s_phone_and_claims(
    program: Program, house: CallbackHouse, phones: Phones
) -> None:
    key = key_of(house, PETR)
    status, answer = await program.post(f"{API}/{key}/call")
    assert (status, answer["state"], answer["number"]) == (202, "calling_manager", PETR)
    (asked,) = phones.asked
    assert (asked.manager_id, asked.number, asked.callback_id) == ("m-boris", PETR, key)
    _, one = await program.get(f"{API}/{key}")
    assert (one["state"], one["claimed_by"]["name"]) == ("claimed", "Boris")
    assert [step["kind"] for step in one["history"]] == ["opened", "claimed", "called"]
    await house.take(ours(minute(16), who=PETR))
    assert (await program.get(f"{API}/{key}"))[1]["state"] == "reached_by_us"


async def test_a_call_that_no_pbx_can_make_changes_nothing(
    program: Program, house: CallbackHouse, phones: Phones
) -> None:
    phones.refusal = CallRefused("No PBX can make calls: set up [pbx.originate].", code="not_configured")
    status, problem = await program.post(f"{API}/{key_of(house, PETR)}/call")
    assert (status, problem["code"]) == (409, "not_configured")
    assert house.all()[1].version == 1


@pytest.mark.parametrize(("number", "words"), [(IVAN, "nobody owns"), (None, "withheld")])
async def test_a_call_for_nobody_or_to_nobody_is_refused(
    program: Program, house: CallbackHouse, number: str | None, words: str
) -> None:
    body = None if number else {"manager": "boris"}
    status, problem = await program.post(f"{API}/{key_of(house, number)}/call", body)
    assert (status, words in problem["detail"]) == (422, True)


async def test_an_anonymous_caller_who_left_a_number_with_somebody_can_be_called(
    program: Program, house: CallbackHouse, phones: Phones
) -> None:
    status, _ = await program.post(f"{API}/{key_of(house, None)}/call", {"manager": "boris", "number": PETR})
    assert (status, phones.asked[0].number) == (202, PETR)


async def test_strangers_and_auditors_change_nothing(site: Site, house: CallbackHouse) -> None:
    path = f"{API}/{key_of(house)}/close"
    async with aiohttp.ClientSession() as session, session.post(site.url(path)) as answer:
        assert answer.status == 401
    await site.add_user("anna")
    await site.store.write(lambda c: c.execute(update(Manager).where(Manager.login == "anna").values(role="auditor")))
    async with new_browser(site) as browser:
        await browser.sign_in()
        assert await signed_in_post(browser, site, path) == 403
    assert house.all()[0].state == "open"


async def signed_in_post(browser: Browser, site: Site, path: str) -> int:
    """Without a body, with the session's CSRF token."""
    csrf = await browser.csrf("/leads")
    async with browser.session.post(site.url(path), headers={"X-CSRF-Token": csrf}) as answer:
        return answer.status


async def test_a_manager_who_sees_only_the_own_rows_neither_sees_nor_touches_others(
    store: Store, house: CallbackHouse, phones: Phones
) -> None:
    writes = callback_writes(house.desk, ("15m",), phones, store)
    async with running_site(store, OWN_ROWS_ONLY, writes=writes) as site, new_browser(site) as browser:
        await site.add_user("anna")
        await store.write(lambda c: c.execute(update(Manager).where(Manager.login == "anna").values(role="manager")))
        await browser.sign_in()
        async with browser.session.get(site.url(API)) as answer:
            numbers = [item["number"] for item in (await answer.json())["items"]]
        assert numbers == [None, IVAN], "Petr is Boris's"
        async with browser.session.get(site.url(f"{API}/{key_of(house, PETR)}")) as answer:
            assert answer.status == 404
        for name in ("claim", "call"):
            assert await signed_in_post(browser, site, f"{API}/{key_of(house, PETR)}/{name}") == 404
        assert await signed_in_post(browser, site, f"{API}/{key_of(house, IVAN)}/claim") == 200
    assert house.all()[0].claimed_by is not None
    assert phones.asked == []


async def test_each_change_stands_in_the_live_feed(program: Program, house: CallbackHouse) -> None:
    path = f"{API}/{key_of(house)}"
    await program.post(f"{path}/claim", {"manager": "boris"})
    await program.post(f"{path}/close")
    query = Change.__table__.select().where(Change.object_id == key_of(house)).order_by(Change.id)
    kinds = [row.kind for row in house.store.peek(lambda c: c.execute(query).all())]
    assert kinds == ["callback.opened", "callback.updated", "callback.closed"]


async def test_lists_and_the_worker_find_their_rows_by_indexes(house: CallbackHouse) -> None:
    def plan(sql: str) -> str:
        return " ".join(
            row[3] for row in house.store.peek(lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())
        )

    assert "ix_callback_closed_at" in plan("SELECT * FROM callback WHERE closed_at IS NULL ORDER BY due_at, id LIMIT 9")
    assert "ix_callback_opened_at" in plan("SELECT * FROM callback ORDER BY opened_at DESC, id DESC LIMIT 9")
    assert "ix_callback_next" in plan("SELECT id FROM callback WHERE next_at <= '2026' ORDER BY next_at LIMIT 9")


def test_the_description_has_every_operation_and_is_valid(house: CallbackHouse, phones: Phones, store: Store) -> None:
    described = document("1.0", callback_writes(house.desk, ("15m",), phones, store))
    validate(msgspec.json.decode(msgspec.json.encode(described)))
    deeds = {path.rpartition("/")[2] for path in described["paths"] if path.startswith(f"{API}/{{id}}/")}
    assert deeds == {
        "claim", "release", "assign", "snooze", "attempt", "note", "close", "reopen", "undo", "call",
    }  # fmt: skip
    assert {API, f"{API}/{{id}}"} <= set(described["paths"])
    claim = described["paths"][f"{API}/{{id}}/claim"]["post"]
    assert claim["requestBody"]["required"] is False
