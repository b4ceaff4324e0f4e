"""schemathesis against the running gateway: every GET of the API, as a program and in each role, and the forms.

Its own checks decide: no 5xx, only documented statuses and content types, bodies that fit their schemas. The API's
description is the gateway's own; the forms take whatever comes, so theirs is written here.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.support.ports import LOOPBACK
from tests.support.process import Api, Installation

EXAMPLES = 12
"""Requests an operation of the API; there are some thirty operations."""
FORM_EXAMPLES = 60
"""Requests an operation of the forms: there anybody may send anything."""
ROLE_EXAMPLES = 2
"""Requests an operation in each role: the same code answers, so this is about what only a role sees."""
ROLES = ("owner", "chief", "manager", "auditor")
PASSWORD = "correct horse battery"
STREAMS = frozenset({"/api/v1/events"})
"""Never ends, so it can't be asked like the others."""
QUICK = settings(
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
FORM = '[[form]]\nkey = "site"\nper_minute = 100000\nper_address = 100000\n'

_ANY: dict[str, Any] = {"application/json": {"schema": {}}}
_PAGE: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
_KEY = {"name": "key", "in": "path", "required": True, "schema": {"enum": ["site", "unknown", "s-_9"]}}
_PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("name", "phone", "email", "message", "_lg_id", "Имя", "tranid")
    },
    "additionalProperties": True,
}
_TEXTS: dict[str, Any] = {**_PERSON, "additionalProperties": {"type": "string"}}
_DONE: dict[str, Any] = {
    "description": "Stored, and which.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["id", "status"],
                "properties": {"status": {"enum": ["stored", "duplicate", "test"]}, "id": {"type": "string"}},
            }
        }
    },
}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _refused(*statuses: str) -> dict[str, Any]:
    schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    return {
        status: {"description": "Refused.", "content": {"application/json": {"schema": schema}}} for status in statuses
    }


FORMS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "The public endpoints of forms", "version": "1"},
    "paths": {
        "/f/{key}": {
            "post": {
                "parameters": [_KEY, {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"anyOf": [_PERSON, {"type": "array"}, {"type": "string"}]}},
                        "application/x-www-form-urlencoded": {"schema": _TEXTS},
                        "multipart/form-data": {"schema": _TEXTS},
                        "text/plain": {"schema": {"type": "string"}},
                    }
                },
                "responses": {"200": _DONE, **_refused("400", "403", "413", "422")},
            },
            "get": {
                "parameters": [
                    _KEY,
                    *(_query(name) for name in ("lang", "embed", "hub.mode")),
                ],
                "responses": {"200": {"description": "The page.", "content": _PAGE}, **_refused("403")},
            },
        },
        "/f/{key}/challenge": {
            "get": {
                "parameters": [_KEY],
                "responses": {"200": {"description": "It.", "content": _ANY}, **_refused("403")},
            }
        },
        "/f/{key}.js": {
            "get": {
                "parameters": [_KEY],
                "responses": {
                    "200": {"description": "It.", "content": {"text/javascript": {"schema": {"type": "string"}}}},
                    **_refused("403"),
                },
            }
        },
    },
}  # fmt: skip


class Running:
    """A gateway with some data, and a token for it."""

    def __init__(self, installation: Installation, token: str) -> None:
        self.public = f"http://{LOOPBACK}:{installation.public}"
        self.private = f"http://{LOOPBACK}:{installation.private}"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.installation = installation

    def signed_in(self, role: str) -> requests.Session:
        """A browser of a new person with ``role``, who set a password by the one-time link."""
        made = self.installation.run("user", "add", f"one-{role}", "--role", role, "--json")
        link, browser = json.loads(made.stdout)["link"], requests.Session()
        fields = {"csrf": _csrf(browser, link), "password": PASSWORD, "again": PASSWORD}
        assert browser.post(link, data=fields, timeout=60).status_code == 200
        browser.headers["X-CSRF-Token"] = _csrf(browser, f"{self.private}/profile")
        return browser


def _csrf(browser: requests.Session, page: str) -> str:
    text = browser.get(page, headers={"Accept": "text/html"}, timeout=60).text
    return text.split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    installation = Installation.make(tmp_path_factory.mktemp("schemathesis") / "leadgate", more=FORM)
    token = installation.new_token()
    gateway = installation.start()
    try:
        asyncio.run(gateway.ready())
        site = Running(installation, token)
        for number in range(3):
            fields = {"name": "Иван", "phone": f"8926123450{number}", "message": "Нужен насос"}
            assert requests.post(f"{site.public}/f/site", data=fields, timeout=60).status_code == 200
        asyncio.run(Api(installation, token).settled(60))
        yield site
    finally:
        gateway.kill()


def ask_all(
    document: dict[str, Any],
    base: str,
    headers: dict[str, str],
    examples: int,
    *,
    browser: requests.Session | None = None,
    changes: bool = False,
) -> int:
    """Ask every GET, and the POST of the forms; with ``changes`` whatever else there is; how many operations."""
    schema = schemathesis.openapi.from_dict(document)
    session = browser or requests.Session()
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        wanted = changes or operation.method == "get" or operation.path.startswith("/f/")
        if operation.path in STREAMS or not wanted:
            continue

        @seed(asked)
        @settings(QUICK, max_examples=examples)
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(
                base_url=base,
                session=session,
                headers=headers,
                # whether a phone is one, no schema can say: 400 with words; a browser's cookie lets in without a token
                excluded_checks=[positive_data_acceptance, *([ignored_auth] if browser else [])],
                allow_redirects=False,
                timeout=60,
            )

        ask()
        asked += 1
    session.close()
    return asked


def described(running: Running) -> tuple[dict[str, Any], int]:
    """The API's own description, and how many GETs it has that end."""
    with urllib.request.urlopen(f"{running.private}/api/openapi.json", timeout=60) as answer:
        document: dict[str, Any] = json.load(answer)
    gets = [path for path, methods in document["paths"].items() if "get" in methods and path not in STREAMS]
    return document, len(gets)


def test_every_get_of_the_api_is_what_its_description_says(running: Running) -> None:
    document, gets = described(running)
    assert ask_all(document, running.private, running.headers, EXAMPLES) == gets


@pytest.mark.parametrize("role", ROLES)
def test_so_it_is_in_each_role(running: Running, role: str) -> None:
    """An auditor tries the changes too: each is refused as described."""
    document, gets = described(running)
    with running.signed_in(role) as browser:
        changes = role == "auditor"
        asked = ask_all(document, running.private, {}, ROLE_EXAMPLES, browser=browser, changes=changes)
    assert asked > gets if changes else asked == gets


def test_the_public_endpoints_of_forms_take_whatever_comes(running: Running) -> None:
    assert ask_all(FORMS, running.public, {}, FORM_EXAMPLES) == 4
