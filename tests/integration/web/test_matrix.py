"""Every private route of the whole house, for every role, and for objects of every owner.

The routes come from the router, what is right from the table in ``matrix.py``: a route that is not in the table fails.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert

from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.storage.tables import Callback, Document, Note, Outbox, Outcall, Outgoing, StoredFile, Task
from gateway.web.accounts import Accounts
from gateway.web.passwords import Passwords
from tests.integration.web.matrix import TABLE
from tests.support.clock import MONDAY
from tests.support.ports import free_ports
from tests.support.seed import add_contact, add_interaction, add_lead, add_manager

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse battery"
ROLES = ("owner", "chief", "manager", "auditor", "token", "nobody")
OWNERS: Mapping[str, str | None] = {"own": "m-manager", "other": "m-other", "free": None}
"""Whose an object is, from the manager's side; ids of objects end with these words."""
FILLED: Mapping[str, str] = {"report": "days", "format": "csv", "deed": "note", "form": "note", "number": "1"}
"""Variables of paths that are no ids."""

CONFIG = """\
[gateway]
data = "{data}"
[web]
public = "127.0.0.1:{public}"
private = "127.0.0.1:{private}"
managers_see = "own"
[smtp]
listen = ""
[[form]]
key = "site"
"""


@dataclass(slots=True, eq=False)
class House:
    """A running gateway, and a client for each role."""

    gateway: Gateway
    clients: dict[str, aiohttp.ClientSession]
    csrf: dict[str, str]

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of every private route."""
        web = self.gateway.web
        open_ones = web.doors.public | web.doors.open
        return sorted(
            (route.method, route.resource.canonical)
            for route in web.listeners[-1].application.router.routes()
            if route.resource is not None and route.method != "HEAD" and route.handler not in open_ones
        )

    async def ask(
        self, role: str, method: str, path: str, *, csrf: bool = False, page: bool = False
    ) -> tuple[int, str]:
        """Status and, of a refusal, the word for programs."""
        headers = {"Accept": "text/html"} if page else {"Accept": "application/json"}
        if csrf and role in self.csrf:
            headers["X-CSRF-Token"] = self.csrf[role]
        body: dict[str, Any] = {"json": {}} if method != "GET" and path.startswith("/api/") else {}
        url = self.gateway.web.private_address + path
        request = self.clients[role].request(method, url, headers=headers, allow_redirects=False, **body)
        async with request as answer:
            if answer.content_type == "application/problem+json":
                return answer.status, (await answer.json())["code"]
            return answer.status, ""


@asynccontextmanager
async def lived_in(folder: Path, config: str) -> AsyncIterator[House]:
    """The gateway of ``config``, with somebody of each role in it."""
    public, private = free_ports(2)
    file = folder / "leadgate.toml"
    file.write_text(config.format(data=folder / "data", public=public, private=private))
    gateway = Gateway(Settings.load(file, {}), SystemClock(), new_id)
    await gateway.start()
    try:
        async with AsyncExitStack() as stack:
            yield await people(gateway, stack)
    finally:
        await gateway.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all: nothing that is asked here changes anything."""
    async with lived_in(tmp_path_factory.mktemp("matrix"), CONFIG) as made:
        yield made


async def people(gateway: Gateway, stack: AsyncExitStack) -> House:
    await gateway.store.write(_seed)
    passwords = Passwords()
    accounts = Accounts(gateway.store, SystemClock(), new_id, passwords)
    house = House(gateway, {}, {})
    for role in ROLES:
        headers = {"Authorization": f"Bearer {await accounts.add_token('matrix')}"} if role == "token" else {}
        jar = aiohttp.CookieJar(unsafe=True)
        client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar, headers=headers))
        house.clients[role] = client
        if role not in {"token", "nobody"}:
            await accounts.set_password(role, PASSWORD)
            house.csrf[role] = await _sign_in(client, gateway.web.private_address, role)
    passwords.close()
    return house


async def _sign_in(client: aiohttp.ClientSession, base: str, login: str) -> str:
    """The CSRF token of the new session."""
    csrf = await _token(client, base + "/login")
    fields = {"csrf": csrf, "login": login, "password": PASSWORD, "next": "/profile"}
    async with client.post(base + "/login", data=fields) as answer:
        assert answer.status == 200
    return await _token(client, base + "/profile")


async def _token(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url, headers={"Accept": "text/html"}) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text.split('name="csrf" value="')[1].split('"')[0]


def _seed(connection: Connection) -> None:
    for role in ("owner", "chief", "manager", "auditor"):
        add_manager(connection, f"m-{role}", role, role=role)
    add_manager(connection, "m-other", "other")
    for number, (word, owner) in enumerate(OWNERS.items(), 1):
        _objects(connection, number, word, owner)


def _objects(connection: Connection, number: int, word: str, owner: str | None) -> None:
    """A lead of ``owner`` and everything that hangs on it."""
    contact, lead, call = f"contact-{word}", f"lead-{word}", f"call-{word}"
    add_contact(connection, contact, name=word, phones=[f"+7926000000{number}"], owner_id=owner)
    add_lead(connection, lead, contact, manager_id=owner)
    add_interaction(connection, call, channel="call", contact_id=contact, lead_id=lead, outcome="missed")
    add_interaction(connection, f"mail-{word}", channel="mail", contact_id=contact, lead_id=lead)
    moment = {"created_at": MONDAY, "updated_at": MONDAY}
    callback = {
        "id": f"callback-{word}", "contact_id": contact, "lead_id": lead, "state": "open", "reason": "no_answer",
        "channel": "call", "owner_id": owner, "tries": 1, "first_at": MONDAY, "last_at": MONDAY,
        "waiting_since": MONDAY, "due_at": MONDAY + timedelta(hours=1), "opened_at": MONDAY, "updated_at": MONDAY,
    }  # fmt: skip
    connection.execute(insert(Callback), callback)
    task = {"id": f"task-{word}", "lead_id": lead, "kind": "call", "text": "x", "due_at": MONDAY, "owner_id": owner}
    connection.execute(insert(Task), {**task, "created_by": "gateway", **moment})
    document = {
        "id": f"document-{word}", "kind": "letter", "template": "letter", "language": "en", "year": 2026,
        "number": number, "label": f"L-{number}", "title": "x", "lead_id": lead, "contact_id": contact, "fields": {},
        "subject": "x", "message": "x", "html": "<p>x</p>", "sha256": "0" * 64, "created_by": "gateway",
        "created_at": MONDAY, "sent_to": [],
    }  # fmt: skip
    connection.execute(insert(Document), document)
    note = {"id": f"note-{word}", "lead_id": lead, "contact_id": contact, "text": "x", "author": "gateway"}
    connection.execute(insert(Note), {**note, **moment})
    file = {"interaction_id": call, "number": 1, "name": "x", "content_type": "text/plain", "size": 1, "sha256": ""}
    connection.execute(insert(StoredFile), file)
    delivery = {
        "id": number, "crm": "main", "event_type": "lead.created", "message_id": f"d-{word}", "order_key": word,
        "lead_id": lead, "payload": {"data": {}}, "due_at": MONDAY, **moment,
    }  # fmt: skip
    connection.execute(insert(Outbox), {**delivery, "state": "done"})
    connection.execute(insert(Outcall), {
        "id": f"outcall-{word}", "manager_id": owner, "number": "+79260000009", "state": "failed", "asked_at": MONDAY,
        "updated_at": MONDAY,
    })  # fmt: skip
    letter = {"id": f"outgoing-{word}", "key": word, "way": "letter", "purpose": "answer", "lead_id": lead}
    content = {"token": word, "payload": {"to": ["a@example.com"], "subject": "x"}, "due_at": MONDAY, "state": "failed"}
    connection.execute(insert(Outgoing), {**letter, **content, **moment})


def filled(path: str, given: Mapping[str, str] | None = None) -> str:
    """The path with ids that nothing has, or with those ``given``."""
    for name in (part.split("}")[0] for part in path.split("{")[1:]):
        path = path.replace(f"{{{name}}}", (given or {}).get(name, FILLED.get(name, "0")))
    return path


async def test_every_private_route_is_in_the_table_and_nothing_else_is(house: House) -> None:
    routes = set(house.routes())
    assert len(routes) > 150
    assert routes - TABLE.keys() == set(), (
        "routes that nobody decided about: add them to tests/integration/web/matrix.py"
    )
    assert TABLE.keys() - routes == set(), "routes that are gone"


async def test_the_description_lists_every_route_of_the_api_and_no_other(house: House) -> None:
    """With its variables and for its methods, the segments and whatever came last among them."""
    async with house.clients["nobody"].get(house.gateway.web.private_address + "/api/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    described = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    private = {(method, path) for method, path in house.routes() if path.startswith("/api/")}
    assert described == private | {("GET", "/api/openapi.json"), ("GET", "/health"), ("GET", "/metrics")}
    secured = {
        (method.upper(), path) for path, all_of in paths.items() for method, one in all_of.items() if one["security"]
    }
    assert secured == private


async def test_every_change_by_the_api_is_refused_to_who_only_looks() -> None:
    """What the table itself must not say, whoever adds a line to it."""
    of_the_api = {route: allowed for route, allowed in TABLE.items() if route[1].startswith("/api/")}
    assert not any("nobody" in allowed for allowed in of_the_api.values())
    assert [route for route, allowed in of_the_api.items() if route[0] != "GET" and "auditor" in allowed] == []


async def test_every_role_is_let_in_exactly_where_the_table_says(house: House) -> None:
    """A person's form without its secret is refused after the right was asked: nothing is done, and it can be told."""
    wrong = []
    for (method, path), allowed in TABLE.items():
        for role in ROLES:
            if path == "/api/v1/events" and role in allowed:
                continue  # a stream without an end
            by_api = path.startswith("/api/")
            if role == "token" and role in allowed and method != "GET":
                continue  # a program needs no secret, so it would do it: each operation has tests of its own
            status, code = await house.ask(role, method, filled(path), csrf=by_api)
            if role == "nobody":
                right = (status, code) == (401, "unauthorized")
            elif role not in allowed:
                right = status == 403 and code in {"forbidden", "role"}
            elif method == "GET" or by_api:
                right = status != 401 and (code not in {"forbidden", "role"}) and status < 500
            else:
                right = (status, code) == (403, "csrf")
            if not right:
                wrong.append((role, method, path, status, code))
    assert wrong == []


OBJECTS = """
/api/v1/leads/{id} lead
/api/v1/leads/{id}/work lead
/leads/{id} lead
/leads/{id}/merge lead
/leads/{id}/document lead
/api/v1/contacts/{id} contact
/api/v1/contacts/{id}/work contact
/contacts/{id} contact
/api/v1/interactions/{id} call
/api/v1/interactions/{id} mail
/api/v1/interactions/{id}/html mail
/api/v1/interactions/{id}/source mail
/api/v1/interactions/{id}/files/{number} call
/api/v1/calls/{id} call
/api/v1/calls/{id}/recording call
/api/v1/callbacks/{id} callback
/callbacks/{id} callback
/api/v1/tasks/{id} task
/api/v1/documents/{id} document
/api/v1/documents/{id}/page document
/api/v1/documents/{id}/pdf document
/documents/{id} document
/api/v1/deliveries/{id} delivery
/api/v1/outcalls/{id} outcall
/api/v1/outgoing/{id} outgoing
"""
"""Path of a GET -> what its id names."""
NOT_OF_A_MANAGER = {
    "/api/v1/managers/{id}", "/api/v1/spend/{id}",
    "/leads/{id}/letters/{interaction}",
    "/settings/crm/deliveries/{id}", "/settings/letters/{id}", "/settings/people/{id}", "/settings/submissions/{id}",
}  # fmt: skip
"""Ids of nobody's: everybody who may ask sees all. The letter of a lead is asked for with its lead below."""
NEVER_THERE = {"/api/v1/calls/{id}/recording", "/api/v1/interactions/{id}/files/{number}",
               "/api/v1/interactions/{id}/html", "/api/v1/interactions/{id}/source"}  # fmt: skip
"""What the seeded calls and letters do not have: one's own is 404 too, but with another word."""


def objects() -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[1]) for line in OBJECTS.split("\n") if line]


async def test_every_get_with_an_id_says_whose_the_id_is() -> None:
    with_id = {path for method, path in TABLE if method == "GET" and "{id}" in path}
    assert with_id == {path for path, _ in objects()} | NOT_OF_A_MANAGER


async def test_a_manager_sees_what_is_theirs_and_nobodys_and_others_see_all(house: House) -> None:
    wrong = []
    for path, kind in objects():
        for number, word in enumerate(OWNERS, 1):
            name = str(number) if kind == "delivery" else f"{kind}-{word}"
            for role in ("manager",) if path.endswith("/pdf") else ROLES[:-1]:  # a PDF takes a second
                status, code = await house.ask(role, "GET", filled(path, {"id": name}))
                hidden = (status, code) == (404, "not_found")
                there = status == 200 or (path in NEVER_THERE and status in {404, 409, 422})
                if (there if role != "manager" or word != "other" else hidden) is not True:
                    wrong.append((role, path, name, status, code))
    assert wrong == []


LISTS = ("leads", "contacts", "interactions", "calls", "callbacks", "tasks", "documents", "deliveries")


async def test_the_lists_of_a_manager_name_nothing_of_another(house: House) -> None:
    for name in LISTS:
        for role, hidden in (("manager", True), ("owner", False), ("auditor", False)):
            url = f"{house.gateway.web.private_address}/api/v1/{name}"
            async with house.clients[role].get(url) as answer:
                text = await answer.text()
                assert answer.status == 200, text
            assert ("-other" in text) is not hidden, (name, role)
            assert "-own" in text, (name, role)
            assert "-free" in text, (name, role)


OF_ANOTHER = re.compile(r"\b(lead|contact|call|mail|callback|task|document)-other\b")
PAGES = ("/", "/leads", "/pipeline", "/tasks", "/calls", "/contacts", "/documents", "/contacts/table.csv", "/ringing")


async def test_the_pages_of_a_manager_name_nothing_of_another(house: House) -> None:
    for path in PAGES:
        url = house.gateway.web.private_address + path
        async with house.clients["manager"].get(url, headers={"Accept": "text/html"}) as answer:
            text = await answer.text()
            assert answer.status == 200, path
        assert OF_ANOTHER.search(text) is None, path
        assert "+79260000002" not in text.replace(" ", "").replace("-", ""), path


WRITES: Mapping[str, tuple[str, dict[str, object]]] = {
    "PATCH /api/v1/leads/{id}": ("lead", {"stage": "new"}),
    "POST /api/v1/leads/{id}/notes": ("lead", {"text": "x"}),
    "POST /api/v1/leads/{id}/answer": ("lead", {"text": "x", "subject": "x"}),
    "PATCH /api/v1/contacts/{id}": ("contact", {"name": "x"}),
    "POST /api/v1/contacts/{id}/notes": ("contact", {"text": "x"}),
    "POST /api/v1/contacts/{id}/merge": ("contact", {"other": "contact-own"}),
    "PATCH /api/v1/tasks/{id}": ("task", {"status": "done"}),
    "PATCH /api/v1/notes/{id}": ("note", {"text": "y"}),
    "DELETE /api/v1/notes/{id}": ("note", {}),
    "POST /api/v1/documents/{id}/void": ("document", {"reason": "x"}),
    "POST /api/v1/documents/{id}/send": ("document", {}),
    "POST /api/v1/callbacks/{id}/claim": ("callback", {}),
    "POST /api/v1/callbacks/{id}/release": ("callback", {}),
    "POST /api/v1/callbacks/{id}/note": ("callback", {"text": "x"}),
    "POST /api/v1/callbacks/{id}/attempt": ("callback", {"outcome": "no_answer"}),
    "POST /api/v1/callbacks/{id}/snooze": ("callback", {"preset": "1h"}),
    "POST /api/v1/callbacks/{id}/close": ("callback", {"reason": "reached"}),
    "POST /api/v1/callbacks/{id}/assign": ("callback", {"manager": "m-manager"}),
    "POST /api/v1/callbacks/{id}/call": ("callback", {}),
    "POST /api/v1/callbacks/{id}/reopen": ("callback", {}),
    "POST /api/v1/callbacks/{id}/undo": ("callback", {}),
    "POST /api/v1/interactions/{id}/answer": ("mail", {"text": "x"}),
    "POST /api/v1/interactions/{id}/fetch": ("mail", {}),
    "POST /api/v1/outgoing/{id}/drop": ("outgoing", {}),
    "POST /api/v1/outgoing/{id}/retry": ("outgoing", {}),
}
"""Changes of one object: what its id names, and a body that would do."""


ONLY_ITS_WRITER = {"/api/v1/notes/{id}"}
"""Whoever did not write a note is told so; whose lead it is does not matter then."""


async def test_a_manager_can_t_join_another_s_contact_to_their_own(house: House) -> None:
    url = house.gateway.web.private_address + "/api/v1/contacts/contact-own/merge"
    headers = {"X-CSRF-Token": house.csrf["manager"]}
    async with house.clients["manager"].post(url, json={"other": "contact-other"}, headers=headers) as answer:
        assert answer.status == 404, await answer.text()


async def test_a_manager_changes_nothing_of_another(house: House) -> None:
    wrong: list[tuple[str, int, str]] = []
    for line, (kind, body) in WRITES.items():
        method, path = line.split()
        url = house.gateway.web.private_address + filled(path, {"id": f"{kind}-other"})
        headers = {"X-CSRF-Token": house.csrf["manager"]}
        async with house.clients["manager"].request(method, url, json=body, headers=headers) as answer:
            expected = 422 if path in ONLY_ITS_WRITER else 404
            if answer.status != expected:
                wrong.append((line, answer.status, (await answer.text())[:200]))
    assert not wrong, "\n".join(map(str, wrong))


async def test_every_change_of_an_object_that_a_manager_may_make_is_tried() -> None:
    changes = {
        f"{method} {path}"
        for (method, path), allowed in TABLE.items()
        if method != "GET" and path.startswith("/api/") and "{id}" in path and "manager" in allowed
    }
    of_nobody = {"DELETE /api/v1/segments/{id}"}
    assert changes == set(WRITES) | of_nobody
