"""Every page and file that the gateway gives out, with a house full of hostile texts: none of them gets out unescaped.

The pages come from the router (through the table of routes of the matrix), the texts from the tables of the database: a
new page and a new column are tried without anybody thinking of it. And every route that changes something refuses what
another site sends.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from html import unescape

import pytest
import pytest_asyncio
from selectolax.lexbor import LexborHTMLParser

from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from tests.integration.web.matrix import TABLE
from tests.integration.web.test_matrix import CONFIG, House, filled, people
from tests.security.hostile import ADDRESS, MARK, MARKUP, fill
from tests.support.ports import free_ports

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS = {"/api/v1/events"}
IDS = {
    "leads": "lead", "contacts": "contact", "callbacks": "callback", "documents": "document", "interactions": "call",
    "calls": "call", "tasks": "task", "managers": "m", "people": "m", "submissions": "mail",
}  # fmt: skip
"""Second part of a path -> what the ids of these objects begin with."""
_RUNS = re.compile(r"\s*javascript:", re.IGNORECASE)
REPORTS = ("days", "sources", "managers", "funnel", "missed", "campaigns", "money", "callbacks", "stages")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Nothing that is asked here changes anything."""
    public, private = free_ports(2)
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "leadgate.toml"
    file.write_text(CONFIG.format(data=folder / "data", public=public, private=private))
    gateway = Gateway(Settings.load(file, {}), SystemClock(), new_id)
    await gateway.start()
    try:
        async with AsyncExitStack() as stack:
            made = await people(gateway, stack)
            await gateway.store.write(fill)
            yield made
    finally:
        await gateway.stop()


def addresses() -> list[str]:
    """Every GET of the table, with the ids of the house."""
    found = []
    for method, path in TABLE:
        if method != "GET" or path in STREAMS or path.endswith("/pdf"):
            continue
        kind = next((IDS[part] for part in path.split("/") if part in IDS), "lead")
        given = {"id": f"{kind}-manager" if kind == "m" else f"{kind}-own", "interaction": "mail-own"}
        if "{report}" in path:
            found += [filled(path, {**given, "report": report}) for report in REPORTS]
        elif path.startswith(("/settings/letters/", "/settings/crm/")):
            found.append(filled(path, {"id": "1", "key": "site"}))
        else:
            found.append(filled(path, {**given, "key": "site"}))
    return [*found, f"/leads?q={MARKUP}", f"/contacts?q={MARKUP}", f"/{MARKUP}", f"/leads/{MARKUP}"]


async def test_no_hostile_text_is_markup_on_any_page(house: House) -> None:
    shown, wrong = 0, []
    for role in ("owner", "manager"):
        for path in addresses():
            url = house.gateway.web.private_address + path
            async with house.clients[role].get(url, headers={"Accept": "text/html"}) as answer:
                raw = await answer.read()
                assert answer.status < 500, path
                if answer.content_type in {"text/html", "image/svg+xml", "application/xhtml+xml"}:
                    wrong += [f"{role} {path}: {trouble}" for trouble in troubles(raw.decode("utf-8"))]
                    shown += MARK in unescape(raw.decode("utf-8"))
                else:
                    assert answer.headers["X-Content-Type-Options"] == "nosniff", path
    assert wrong == []
    assert shown > 40, "the texts are on the pages at all"


def troubles(html: str) -> list[str]:
    """What a browser would run of a page, or read as a tag, an attribute or an address of ours."""
    found = []
    if f"<svg onload={MARK}" in html:
        found.append(f"as it is: {html[max(0, html.index(f'<svg onload={MARK}') - 80) :][:160]}")
    for node in LexborHTMLParser(html).css("*"):
        for name, value in node.attributes.items():
            if name.startswith("on") or MARK in name:
                found.append(f"attribute {name} of {node.tag}")
            if name in {"href", "src", "action", "formaction"} and _RUNS.match(value or ""):
                found.append(f"{name} of {node.tag}: {value}")
        if node.tag == "script" and MARK in (node.text() or ""):
            found.append("inside a script")
    return [*found, *(["a template was run"] if f"{MARK}()>&49" in unescape(html) else [])]


@pytest.mark.parametrize(
    "page", [f"<p>{MARKUP}</p>", f'<a href="{ADDRESS}">x</a>', f"<b title='x' {MARK}=1>", f"<script>{MARK}</script>"]
)
async def test_what_would_run_is_noticed(page: str) -> None:
    assert troubles(page)


async def test_every_route_that_changes_something_refuses_what_another_site_sends(house: House) -> None:
    """By a signed-in browser: without the token, with a wrong one, and with the right one from elsewhere."""
    wrong = []
    right = {"X-CSRF-Token": house.csrf["owner"]}
    for method, path in TABLE:
        if method in {"GET", "HEAD"} or "owner" not in TABLE[method, path]:
            continue
        for name, headers, code in (
            ("no token", {}, "csrf"),
            ("wrong token", {"X-CSRF-Token": "x" * 43}, "csrf"),
            ("another origin", {**right, "Origin": "https://evil.example"}, "cross_site"),
            ("another site", {**right, "Sec-Fetch-Site": "cross-site"}, "cross_site"),
        ):
            url = house.gateway.web.private_address + filled(path)
            accept = {"Accept": "application/json", "Content-Type": "text/plain"}
            owner = house.clients["owner"]
            async with owner.request(method, url, headers=accept | headers, data=b"{}") as answer:
                said = (await answer.json())["code"] if answer.content_type == "application/problem+json" else ""
                if (answer.status, said) != (403, code):
                    wrong.append((name, method, path, answer.status, said))
    assert wrong == []


async def test_no_page_is_traced_and_no_folder_is_listed(house: House) -> None:
    base = house.gateway.web.private_address
    async with house.clients["owner"].request("TRACE", base + "/leads") as answer:
        assert answer.status == 405
    for folder in ("/static/", "/static", "/static/js/", "/.git/config", "/static/%2e%2e/guard.py"):
        async with house.clients["owner"].get(base + folder, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404, folder
