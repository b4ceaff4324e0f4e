"""The work on leads over real HTTP: who may do what, conflicts, bad bodies, documents from template to letter."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pypdf
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import select

from gateway.app.leadwork import LeadWork
from gateway.config.settings import Settings
from gateway.storage.store import Store
from gateway.storage.tables import Audit, Manager, Outgoing, Session
from gateway.web.api.openapi import document
from gateway.web.guard import disguised
from gateway.web.settings import WebSettings
from tests.integration.web.site import Browser, Site, new_browser, running_site
from tests.support.clock import FakeClock, counting_ids
from tests.support.desk import KeptEvents
from tests.support.seed import add_lead, add_office

OWN_ONLY = WebSettings(public="127.0.0.1:0", private="127.0.0.1:0", managers_see="own")


class Api:
    """Asks with a token, or as a signed-in browser."""

    def __init__(self, site: Site, browser: Browser, headers: dict[str, str], events: KeptEvents) -> None:
        self.site, self.browser, self.headers, self.events = site, browser, headers, events

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        async with self.browser.session.request(method, self.site.url(path), data=data, headers=sent) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if "json" in answer.content_type else raw


@pytest.fixture
async def work(store: Store, tmp_path: Path) -> AsyncIterator[tuple[Site, KeptEvents]]:
    """A site with the work on leads, and a small office in it."""
    events = KeptEvents()
    settings = Settings.load(None, {}).with_data(str(tmp_path))
    parts = LeadWork(
        settings,
        store,
        FakeClock(),
        counting_ids("w"),
        outgoing=events,
        is_own=lambda _: False,
        calendar_of=lambda _: None,
        on_changed=lambda: None,
    )
    async with running_site(store, OWN_ONLY, writes=parts.writes(), reads=parts.reads()) as site:
        await store.write(add_office)
        yield site, events


@pytest.fixture
async def api(work: tuple[Site, KeptEvents]) -> AsyncIterator[Api]:
    site, events = work
    async with new_browser(site) as browser:
        yield Api(site, browser, await site.token(), events)


async def signed_in(api: Api, browser: Browser, login: str, role: str) -> Api:
    await api.site.add_user(login, role=role)
    await browser.sign_in(login)
    query = select(Session.csrf).join(Manager, Manager.id == Session.manager_id).where(Manager.login == login)
    csrf = await api.site.store.read(lambda c: c.execute(query).scalar_one())
    return Api(api.site, browser, {"X-CSRF-Token": disguised(csrf)}, api.events)


async def test_a_lead_goes_through_its_life_by_the_api(api: Api) -> None:
    status, lead = await api.ask(
        "PATCH", "/api/v1/leads/l-ivan", {"stage": "offer", "note": "выслали", "manager": None}
    )
    assert (status, lead["stage"], lead["version"], lead["manager"]) == (200, "offer", 2, None)
    status, lead = await api.ask(
        "PATCH", "/api/v1/leads/l-ivan", {"status": "won", "amount": {"amount": "99 000"}}, If_Match='"2"'
    )
    assert (status, lead["status"], lead["stage"], lead["amount"]) == (
        200,
        "won",
        "paid",
        {"amount": "99000.00", "currency": "RUB"},
    )
    status, done = await api.ask("GET", "/api/v1/leads/l-ivan/work")
    assert [(move["from_stage"], move["to_stage"]) for move in done["stages"]] == [("offer", "paid"), ("new", "offer")]
    assert done["stages"][0]["actor"]["name"] == "test"
    assert [note["text"] for note in done["notes"]] == ["выслали"]
    assert api.events.types() == ["lead.updated", "lead.updated"]


async def test_the_etag_of_a_lead_is_what_if_match_takes(api: Api) -> None:
    async with api.browser.session.get(api.site.url("/api/v1/leads/l-ivan"), headers=api.headers) as answer:
        tag = answer.headers["ETag"]
    tries = [
        api.ask("PATCH", "/api/v1/leads/l-ivan", {"stage": stage}, If_Match=tag) for stage in ("offer", "contract")
    ]
    results = await asyncio.gather(*tries)
    assert sorted(status for status, _ in results) == [200, 409]
    problem = next(body for status, body in results if status == 409)
    assert problem["code"] == "conflict"
    assert "load it again" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PATCH", "/api/v1/leads/none", {"stage": "offer"}, 404, "not_found"),
        ("PATCH", "/api/v1/leads/%00", {"stage": "offer"}, 404, "not_found"),
        ("PATCH", "/api/v1/leads/l-ivan", {"stage": "nowhere"}, 422, "not_possible"),
        ("PATCH", "/api/v1/leads/l-ivan", {"colour": "red"}, 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", {"stage": 5}, 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", [], 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", b"{", 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", b"\xff", 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", b'{"note": "\\ud800"}', 400, "bad_body"),
        ("POST", "/api/v1/documents", b'{"template": "offer", "fields": {"a": ' + b"[" * 50_000, 400, "bad_body"),
        ("PATCH", "/api/v1/leads/l-ivan", {"note": "a\x00b"}, 400, "bad_body"),
        ("POST", "/api/v1/leads", {"contact": "c-ivan"}, 409, "conflict"),
        ("POST", "/api/v1/leads", {}, 422, "not_possible"),
        ("POST", "/api/v1/leads", {"interaction": "i-call"}, 409, "conflict"),
        ("POST", "/api/v1/contacts", {"phones": ["8 926 123-45-67"]}, 409, "conflict"),
        ("PATCH", "/api/v1/contacts/none", {"name": "x"}, 404, "not_found"),
        ("POST", "/api/v1/contacts/c-ivan/merge", {"other": "none"}, 404, "not_found"),
        ("POST", "/api/v1/merges/none/undo", None, 404, "not_found"),
        ("POST", "/api/v1/tasks", {"text": "x", "due_at": "soon"}, 400, "bad_body"),
        ("POST", "/api/v1/tasks", {"text": "x", "due_at": "2026-11-24T10:00:00Z"}, 422, "not_possible"),
        ("PATCH", "/api/v1/tasks/none", {"status": "done"}, 404, "not_found"),
        ("PATCH", "/api/v1/notes/none", {"text": "x"}, 404, "not_found"),
        ("DELETE", "/api/v1/notes/none", None, 404, "not_found"),
        ("POST", "/api/v1/documents", {"template": "invoice", "lead": "none"}, 404, "not_found"),
        ("POST", "/api/v1/documents", {"template": "invoice", "lead": "l-ivan"}, 422, "not_possible"),
        ("POST", "/api/v1/documents/none/send", None, 404, "not_found"),
        ("GET", "/api/v1/documents/none/pdf", None, 404, "not_found"),
        ("GET", "/api/v1/documents/none/page", None, 404, "not_found"),
        ("GET", "/api/v1/templates?colour=red", None, 400, "unknown_parameter"),
        ("GET", "/api/v1/templates?lead=none", None, 404, "not_found"),
        ("POST", "/api/v1/spend", {"source": "x", "first_day": "2026-11-01", "amount": "1"}, 400, "bad_body"),
        ("DELETE", "/api/v1/spend/none", None, 404, "not_found"),
    ],
)
async def test_mistakes_are_problem_documents(
    api: Api, method: str, path: str, body: Any, status: int, code: str
) -> None:
    from yarl import URL

    url = URL(api.site.url(path), encoded=True)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {**api.headers, "Content-Type": "application/json"}
    async with api.browser.session.request(method, url, data=data, headers=headers) as answer:
        problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["code"]) == (status, code), problem
    assert api.events.events == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_taken(api: Api, content_type: str) -> None:
    status, problem = await api.ask("PATCH", "/api/v1/leads/l-ivan", b"stage=offer", Content_Type=content_type)
    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_contacts_tasks_and_spend_are_kept_by_the_api(api: Api) -> None:
    status, made = await api.ask("POST", "/api/v1/contacts", {"name": "Пётр", "phones": ["8 495 111-22-33"]})
    assert (status, made["phones"]) == (201, ["+74951112233"])
    status, lead = await api.ask("POST", "/api/v1/leads", {"contact": made["id"], "text": "Позвонил в офис"})
    assert (status, lead["stage"], lead["contact"]["id"]) == (201, "new", made["id"])
    task = {"text": "Перезвонить", "due_at": "2026-11-24T10:00:00+03:00", "lead": lead["id"], "owner": "anna"}
    status, task = await api.ask("POST", "/api/v1/tasks", task)
    assert (status, task["owner"]["id"]) == (201, "m-anna")
    status, task = await api.ask("PATCH", f"/api/v1/tasks/{task['id']}", {"status": "done"}, If_Match='"1"')
    assert (status, task["status"], task["ended_by"]["name"]) == (200, "done", "test")
    assert (await api.ask("GET", "/api/v1/tasks?status=done&manager=anna"))[1]["items"] == [task]
    spend = {"source": "yandex", "first_day": "2026-11-01", "last_day": "2026-11-30", "amount": "5000"}
    status, cost = await api.ask("POST", "/api/v1/spend", spend)
    assert (status, cost["cost"]) == (201, {"amount": "5000.00", "currency": "RUB"})
    assert (await api.ask("POST", "/api/v1/spend", spend))[0] == 409
    assert (await api.ask("PUT", f"/api/v1/spend/{cost['id']}", {**spend, "amount": "6000"}))[1]["version"] == 2
    assert (await api.ask("DELETE", f"/api/v1/spend/{cost['id']}"))[0] == 204
    status, merge = await api.ask("POST", "/api/v1/contacts/c-letter/merge", {"other": made["id"]})
    assert (status, merge["loser"]) == (200, made["id"])
    assert (await api.ask("GET", f"/api/v1/contacts/{made['id']}"))[1]["id"] == "c-letter"
    assert (await api.ask("POST", f"/api/v1/merges/{merge['id']}/undo"))[1]["undone_at"]
    assert (await api.ask("GET", f"/api/v1/contacts/{made['id']}"))[1]["id"] == made["id"]


async def test_a_document_goes_from_the_template_to_the_letter(api: Api) -> None:
    status, found = await api.ask("GET", "/api/v1/templates?lead=l-ivan&language=ru")
    assert (status, found["problems"], found["pdf"]) == (200, [], None)
    offer = next(template for template in found["items"] if template["kind"] == "offer")
    assert {field["name"]: field["default"] for field in offer["fields"]}["intro"] == "Заявка с сайта"
    items = [{"name": "Кухня", "quantity": "1", "unit": "шт", "price": "125000"}]
    status, made = await api.ask(
        "POST", "/api/v1/documents", {"template": "offer", "lead": "l-ivan", "fields": {"items": items}}
    )
    assert (status, made["label"], made["amount"]) == (201, "КП-2026-0001", {"amount": "125000.00", "currency": "RUB"})
    status, pdf = await api.ask("GET", f"/api/v1/documents/{made['id']}/pdf")
    assert "Кухня" in pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    url = api.site.url(f"/api/v1/documents/{made['id']}/page")
    async with api.browser.session.get(url, headers=api.headers) as page:
        assert page.content_type == "text/html"
        assert page.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert page.headers["Content-Disposition"].startswith("inline; ")
        assert "Кухня" in await page.text()
    path = f"/api/v1/documents/{made['id']}/send"
    status, sent = await api.ask("POST", path, {"stage": "offer", "message": "Добрый день"})
    assert (status, sent["sent_to"]) == (200, ["ivan@example.com"])
    assert (await api.ask("POST", path))[0] == 409
    assert (await api.ask("GET", "/api/v1/leads/l-ivan"))[1]["stage"] == "offer"
    (letter,) = await api.site.store.read(lambda c: c.execute(select(Outgoing)).all())
    assert letter.payload["text"] == "Добрый день"
    assert (await api.ask("GET", "/api/v1/documents?status=sent"))[1]["items"] == [sent]
    status, void = await api.ask("POST", f"/api/v1/documents/{made['id']}/void", {"reason": "ошибка"})
    assert (status, void["void_reason"]) == (200, "ошибка")
    actions = await api.site.store.read(lambda c: list(c.execute(select(Audit.action).order_by(Audit.id)).scalars()))
    assert actions == ["document.made", "document.sent", "lead.changed", "document.void"]


async def test_a_session_needs_the_forms_token_and_an_auditor_may_only_look(api: Api) -> None:
    async with new_browser(api.site) as browser:
        chief = await signed_in(api, browser, "chief", "chief")
        status, lead = await chief.ask("PATCH", "/api/v1/leads/l-ivan", {"stage": "offer"})
        assert (status, lead["stage"]) == (200, "offer")
        forged = Api(api.site, browser, {}, api.events)
        status, problem = await forged.ask("PATCH", "/api/v1/leads/l-ivan", {"stage": "new"})
        assert (status, problem["code"]) == (403, "csrf")
    async with new_browser(api.site) as browser:
        auditor = await signed_in(api, browser, "audit", "auditor")
        assert (await auditor.ask("PATCH", "/api/v1/leads/l-ivan", {"stage": "new"}))[0] == 403
        assert (await auditor.ask("POST", "/api/v1/spend", {}))[0] == 403
        assert (await auditor.ask("GET", "/api/v1/templates"))[0] == 200


async def test_a_manager_who_sees_his_own_changes_nobody_elses(api: Api) -> None:
    await api.site.store.write(lambda c: add_lead(c, "l-hers", None, manager_id="m-anna"))
    task = {"text": "x", "due_at": "2026-11-24T10:00:00Z", "lead": "l-hers", "owner": "anna"}
    hers = await api.ask("POST", "/api/v1/tasks", task)
    invoice = {"template": "letter", "lead": "l-ivan", "fields": {"topic": "a", "text": "b"}}
    paper = await api.ask("POST", "/api/v1/documents", invoice)
    async with new_browser(api.site) as browser:
        kate = await signed_in(api, browser, "kate", "manager")
        for method, path, body in (
            ("PATCH", "/api/v1/leads/l-hers", {"stage": "offer"}),
            ("POST", "/api/v1/leads/l-hers/notes", {"text": "x"}),
            ("GET", "/api/v1/leads/l-hers/work", None),
            ("PATCH", f"/api/v1/tasks/{hers[1]['id']}", {"status": "done"}),
            ("GET", f"/api/v1/tasks/{hers[1]['id']}", None),
            ("POST", "/api/v1/contacts/c-ivan/notes", {"text": "x"}),
            ("PATCH", "/api/v1/contacts/c-ivan", {"name": "x"}),
            ("POST", "/api/v1/documents", invoice),
            ("GET", f"/api/v1/documents/{paper[1]['id']}/pdf", None),
            ("POST", f"/api/v1/documents/{paper[1]['id']}/send", {"to": ["a@example.com"]}),
        ):
            assert (await kate.ask(method, path, body))[0] == 404, (method, path)
        assert (await kate.ask("POST", "/api/v1/merges/none/undo"))[0] == 403
        status, lead = await kate.ask("PATCH", "/api/v1/leads/l-caller", {"stage": "qualified", "manager": "kate"})
        assert (status, lead["manager"]["name"]) == (200, "Анна")  # of nobody: hers to take


async def test_the_description_has_every_operation_and_is_valid(api: Api) -> None:
    described = json.loads(msgspec.json.encode(document("1", api.site.server.writes, api.site.server.reads)))
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []
    for operation in api.site.server.writes:
        assert operation.method.lower() in described["paths"][operation.path]
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    patch = described["paths"]["/api/v1/leads/{id}"]["patch"]
    assert patch["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/LeadChange"}
    assert "If-Match" in [parameter["name"] for parameter in patch["parameters"]]
