"""Lists, filters, pages of lists and single objects, over real HTTP and SQLite."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from gateway.storage.tables import Outbox
from gateway.web.api.openapi import document
from tests.integration.web.site import Browser, Site, new_browser
from tests.support.clock import MONDAY
from tests.support.seed import add_contact, add_delivery, add_interaction, add_lead

IVAN = {
    "id": "c-ivan",
    "name": "Иван Петров",
    "phones": ["+79261234567", "+74951234567"],
    "emails": ["ivan@example.com"],
}


class Program:
    """Asks the API with a token."""

    def __init__(self, site: Site, browser: Browser, token: dict[str, str]) -> None:
        self.site, self.browser, self.token = site, browser, token

    async def get(self, path: str, **query: Any) -> tuple[int, dict[str, Any]]:
        url = self.site.url(path)
        async with self.browser.session.get(url, params=query, headers=self.token) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ids(self, path: str, **query: Any) -> list[Any]:
        status, body = await self.get(path, **query)
        assert status == 200, body
        return [item["id"] for item in body["items"]]


@pytest.fixture
async def program(office: Site, browser: Browser) -> Program:
    return Program(office, browser, await office.token())


async def test_a_lead_is_exactly_what_the_contract_says(program: Program) -> None:
    status, lead = await program.get("/api/v1/leads/l-ivan")
    assert status == 200
    assert lead == {
        "id": "l-ivan",
        "channel": "form",
        "status": "open",
        "stage": "new",
        "stage_since": "2026-11-23T08:20:00Z",
        "reason": None,
        "amount": None,
        "contact": IVAN,
        "manager": {"id": "m-anna", "name": "Анна Смирнова"},
        "source": {
            "name": "site",
            "page": "https://shop.example.com/kitchens?utm_source=yandex",
            "utm": {"source": "yandex", "medium": "cpc", "campaign": "kitchens-moscow"},
            "click_ids": {"yclid": "1234567890"},
        },
        "subject": "Заявка с сайта",
        "text": "Нужна кухня 3 метра, белая. Перезвоните, пожалуйста, после обеда.",
        "fields": {"Имя": "Иван Петров", "Телефон": "8 926 123-45-67", "Комментарий": "Нужна кухня 3 метра, белая."},
        "after_hours": None,
        "created_at": "2026-11-23T08:20:00Z",
        "updated_at": "2026-11-23T08:20:00Z",
        "closed_at": None,
        "version": 1,
        "interactions": ["i-form", "i-mail", "i-call"],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["l-caller", "l-ivan", "l-withheld", "l-letter"]),
        ({"status": "open"}, ["l-caller", "l-ivan"]),
        ({"channel": "call"}, ["l-caller", "l-withheld"]),
        ({"channel": "call", "status": "lost"}, ["l-withheld"]),
        ({"manager": "anna"}, ["l-ivan"]),
        ({"manager": "m-anna"}, ["l-ivan"]),
        ({"manager": "nobody-we-know"}, []),
        ({"manager": "none"}, ["l-caller", "l-withheld", "l-letter"]),
        ({"phone": "8 (926) 123-45-67"}, ["l-ivan"]),
        ({"phone": "+74959876543"}, ["l-caller"]),
        ({"phone": "+79990000000"}, []),
        ({"email": "Ivan@Example.COM"}, ["l-ivan"]),
        ({"email": "ivan@example.com", "phone": "89261234567"}, ["l-ivan"]),
        ({"since": "2026-11-23"}, ["l-caller", "l-ivan"]),
        ({"until": "2026-11-23"}, ["l-withheld", "l-letter"]),
        ({"since": "2026-11-23T08:20:00Z", "until": "2026-11-23T08:20:01Z"}, ["l-ivan"]),
        ({"q": "иван"}, ["l-ivan"]),
        ({"q": "КУХНЯ"}, ["l-ivan"]),
        ({"q": "кухня"}, ["l-ivan"]),
        ({"q": "dubois"}, ["l-letter"]),
        ({"q": "OAK"}, ["l-letter"]),
        ({"q": "8 926 123"}, ["l-ivan"]),
        ({"q": "987-65"}, ["l-caller"]),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "';--"}, []),
    ],
)
async def test_filters_of_leads(program: Program, query: dict[str, str], found: list[str]) -> None:
    assert await program.ids("/api/v1/leads", **query) == found


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("/api/v1/interactions", {"channel": "mail"}, ["i-mail", "i-letter"]),
        ("/api/v1/interactions", {"phone": "89261234567"}, ["i-call", "i-mail", "i-form"]),
        ("/api/v1/interactions", {"manager": "anna"}, ["i-call"]),
        ("/api/v1/interactions", {"status": "ringing"}, []),
        ("/api/v1/interactions", {"q": "план"}, ["i-mail"]),
        ("/api/v1/calls", {}, ["i-missed", "i-call", "i-withheld"]),
        ("/api/v1/calls", {"status": "missed"}, ["i-missed", "i-withheld"]),
        ("/api/v1/calls", {"status": "open"}, []),
        ("/api/v1/calls", {"channel": "mail"}, []),
        ("/api/v1/contacts", {}, ["c-ivan", "c-caller", "c-letter"]),
        ("/api/v1/contacts", {"channel": "mail"}, ["c-ivan", "c-letter"]),
        ("/api/v1/contacts", {"manager": "anna"}, ["c-ivan"]),
        ("/api/v1/contacts", {"q": "atelier"}, ["c-letter"]),
        ("/api/v1/contacts", {"email": "ivan@example.com"}, ["c-ivan"]),
        ("/api/v1/managers", {}, ["m-anna", "m-oleg"]),
        ("/api/v1/managers", {"status": "active"}, ["m-anna"]),
        ("/api/v1/managers", {"phone": "8 903 555-01-01"}, ["m-anna"]),
        ("/api/v1/managers", {"q": "СМИРН"}, ["m-anna"]),
        ("/api/v1/managers", {"manager": "oleg"}, ["m-oleg"]),
        ("/api/v1/deliveries", {}, [2, 1]),
        ("/api/v1/deliveries", {"status": "waiting"}, [2]),
        ("/api/v1/deliveries", {"phone": "89261234567"}, [1]),
        ("/api/v1/deliveries", {"channel": "call"}, [2]),
        ("/api/v1/deliveries", {"since": "2026-11-24"}, []),
    ],
)
async def test_filters_of_the_other_lists(program: Program, path: str, query: dict[str, str], found: list[Any]) -> None:
    assert sorted(await program.ids(path, **query), key=str) == sorted(found, key=str)


def many(connection: Connection) -> None:
    """Twenty-five of everything, several at the same moment."""
    add_contact(connection, "c-many", phones=["+79260000000"])
    for number in range(25):
        at = MONDAY - timedelta(days=1, seconds=number // 4)
        add_lead(connection, f"l-{number:02}", None, at=at, status="spam")
        add_contact(connection, f"c-{number:02}", at=at)
        add_interaction(connection, f"i-{number:02}", at=at, channel="call", contact_id="c-many")
        add_delivery(connection, 100 + number, lead_id=None, state="done")


@pytest.mark.parametrize("name", ["leads", "interactions", "calls", "contacts", "deliveries"])
async def test_pages_give_each_row_once_though_new_ones_come_in(program: Program, name: str) -> None:
    await program.site.store.write(many)
    whole = await program.ids(f"/api/v1/{name}", limit=200)
    seen: list[Any] = []
    cursor = ""
    while True:
        _, page = await program.get(f"/api/v1/{name}", limit=7, cursor=cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
        number = len(seen)
        await program.site.store.write(
            lambda c, n=number: add_lead(c, f"l-new-{n}", None, at=MONDAY + timedelta(minutes=n))  # type: ignore[misc]
        )
    assert seen == whole
    assert len(seen) > 25


async def test_a_call_shows_its_record(program: Program) -> None:
    _, call = await program.get("/api/v1/calls/i-call")
    assert call["contact"] == IVAN
    assert (call["caller"], call["dialled"], call["answered_by"]) == ("+79261234567", "+74950000101", "101")
    assert (call["lead"], call["outcome"], call["talk_seconds"], call["ended"]) == ("l-ivan", "answered", 187.4, True)
    assert call["transfers"] == []
    _, missed = await program.get("/api/v1/calls/i-withheld")
    assert (missed["caller"], missed["contact"], missed["missed_reason"]) == (None, None, "queue_abandoned")


async def test_an_interaction_shows_everything_that_was_understood(program: Program) -> None:
    _, mail = await program.get("/api/v1/interactions/i-mail")
    assert mail["subject"] == "Re: кухня"
    assert mail["attachments"] == [{"name": "план.pdf", "content_type": "application/pdf", "size": 482113}]
    assert mail["problems"] == ["The date is in the future."]
    assert mail["lead"] == "l-ivan"


async def test_a_delivery_shows_its_payload_and_tries(program: Program) -> None:
    _, delivery = await program.get("/api/v1/deliveries/2")
    assert delivery["payload"] == {"type": "lead.created"}
    assert [attempt["number"] for attempt in delivery["tries"]] == [1, 2, 3]


@pytest.mark.parametrize(("role", "number"), [("auditor", "+79261234567"), ("manager", "+7926…67")])
async def test_what_a_delivery_tells_of_a_person_is_for_those_who_inspect(office: Site, role: str, number: str) -> None:
    told = {"type": "lead.created", "data": {"phones": ["+79261234567"]}}
    await office.store.write(lambda c: c.execute(update(Outbox).where(Outbox.id == 2).values(payload=told)))
    await office.add_user("vera", role=role)
    async with new_browser(office) as vera:
        await vera.sign_in("vera")
        status, text, _ = await vera.get("/api/v1/deliveries/2")
    assert status == 200
    assert json.loads(text)["payload"] == {"type": "lead.created", "data": {"phones": [number]}}


async def test_a_merged_contact_is_found_under_its_old_id(program: Program) -> None:
    def merge(connection: Connection) -> None:
        add_contact(connection, "c-loser", merged_into="c-ivan")
        add_contact(connection, "c-loop", merged_into="c-loop")

    await program.site.store.write(merge)
    assert (await program.get("/api/v1/contacts/c-loser"))[1]["id"] == "c-ivan"
    assert (await program.get("/api/v1/contacts/c-loop"))[0] == 404
    assert "c-loser" not in await program.ids("/api/v1/contacts")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/leads/none", 404, "not_found"),
        ("/api/v1/leads/%00", 404, "not_found"),
        ("/api/v1/calls/i-mail", 404, "not_found"),
        ("/api/v1/deliveries/9", 404, "not_found"),
        ("/api/v1/deliveries/x", 400, "bad_parameter"),
        ("/api/v1/deliveries?cursor=x", 400, "bad_parameter"),
        ("/api/v1/leads?cursor=x", 400, "bad_parameter"),
        ("/api/v1/leads?fone=1", 400, "unknown_parameter"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/events?last_event_id=x", 400, "bad_parameter"),
    ],
)
async def test_mistakes_are_problem_documents(program: Program, path: str, status: int, code: str) -> None:
    from yarl import URL

    url = URL(program.site.url(path), encoded=True)
    headers = {**program.token, "Accept": "text/html"}
    async with program.browser.session.get(url, headers=headers) as answer:
        body = await answer.json(content_type="application/problem+json")
        assert (answer.status, body["status"], body["code"]) == (status, status, code)
        assert set(body) == {"type", "title", "status", "detail", "code"}


async def test_a_wrong_method_says_which_are_possible(program: Program) -> None:
    url = program.site.url("/api/v1/leads")
    async with program.browser.session.post(url, headers=program.token) as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


async def test_the_description_names_exactly_the_routes_there_are(program: Program) -> None:
    described = set(document("x", program.site.server.writes, program.site.server.reads)["paths"])
    application = program.site.server.listeners[-1].application
    served = {resource.canonical for resource in application.router.resources()}
    assert described <= served
    assert {path for path in served if path.startswith("/api/")} <= described
    status, body = await program.get("/api/openapi.json")
    assert (status, body["info"]["version"]) == (200, "0.0-test")


async def test_the_description_is_a_page_too_for_whoever_has_not_signed_in(office: Site) -> None:
    async with new_browser(office) as browser:
        status, page, _ = await browser.get("/api")
    assert status == 200
    for words in ("/api/v1/leads", "LeadView", "leadgate token add", 'href="/api/openapi.json"'):
        assert words in page
