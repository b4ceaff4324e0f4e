"""Numbers and addresses of customers, for roles that may not have them: over every route that tells anything."""

from __future__ import annotations

import asyncio
import html
import io
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from urllib.parse import quote, unquote

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Connection, insert, update

from gateway.app import Gateway
from gateway.config import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.storage.tables import Callback, Contact, ContactHandle, Interaction, Lead, Note, Outgoing, Task
from tests.integration.web.matrix import TABLE
from tests.integration.web.test_matrix import CONFIG, OWNERS, House, filled, objects, people
from tests.support.clock import MONDAY
from tests.support.ports import free_ports

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = ("79260000001", "79260000002", "79260000003", "74957654321")
"""Of the seeded contacts; the last stands in texts only."""
ADDRESSES = ("ivan.own@client.example", "ivan.other@client.example", "ivan.free@client.example", "vera@texts.example")
SAID = (
    "Ring +7 (495) 765-43-21, 8 495 765 43 21, 84957654321, 7495-765-4321 or 4957654321; vera@texts.example. "
    "It costs 12 345 678 RUB, 2026-11-22, 192.168.100.200, from 8 800 555-35-35."
)
KEPT = ("12 345 678 RUB", "2026-11-22", "192.168.100.200", "8 800 555-35-35")
"""What in SAID is nobody's number."""
MASKED_ROLES = ("auditor", "manager")
ASKED = {
    "/reports/{report}/rows": ("?row=2026-11-02&column=all", "?row=total&column=missed"),
    "/reports/{report}/rows.{format}": ("?row=2026-11-02&column=all", "?row=total&column=missed"),
    "/contacts": ("", "?q=own", "?phone=%2B79260000001"),
    "/ringing": ("",),
}
"""Queries of pages that show little without."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    public, private = free_ports(2)
    tmp_path = tmp_path_factory.mktemp("masking")
    file = tmp_path / "leadgate.toml"
    config = CONFIG.replace('managers_see = "own"', 'mask_for = ["auditor", "manager"]')
    config = config.replace("[gateway]", '[gateway]\nregion = "RU"\nown_numbers = ["8 800 555-35-35"]')
    file.write_text(config.format(data=tmp_path / "data", public=public, private=private))
    gateway = Gateway(Settings.load(file, {}), SystemClock(), new_id)
    await gateway.start()
    try:
        async with AsyncExitStack() as stack:
            house = await people(gateway, stack)
            await gateway.store.write(_tell)
            yield house
    finally:
        await gateway.stop()


def _tell(connection: Connection) -> None:
    """Every place that a person writes into tells a number and an address."""
    for number, word in enumerate(OWNERS, 1):
        phone, address = f"+7926000000{number}", f"ivan.{word}@client.example"
        handle = {"kind": "email", "value": address, "contact_id": f"contact-{word}", "created_at": MONDAY}
        connection.execute(insert(ContactHandle), handle)
        company = "Firm" if word == "own" else f"Firm {SAID}"
        connection.execute(update(Contact).where(Contact.id == f"contact-{word}").values(company=company))
        fields = {"Phone": phone, "Other": SAID, phone: "x"}
        lead = {"subject": SAID, "text": SAID, "fields": fields}
        connection.execute(update(Lead).where(Lead.id == f"lead-{word}").values(**lead))
        talk: dict[str, object] = {
            "subject": SAID,
            "text": SAID,
            "fields": fields,
            "name": SAID,
            "line": "+78005553535",
        }
        details = {"caller": phone, "dialled": "+78005553535", "from": address, "text": SAID, "number": 74957654321}
        details["recording"] = f"in-{phone[1:]}-101.wav"
        talk |= {"details": details, "handles": [{"kind": "phone", "value": phone}]}
        for kind in ("call", "mail"):
            connection.execute(update(Interaction).where(Interaction.id == f"{kind}-{word}").values(**talk))
        connection.execute(
            update(Task).where(Task.id == f"task-{word}").values(text=SAID, contact_id=f"contact-{word}")
        )
        connection.execute(update(Note).where(Note.id == f"note-{word}").values(text=SAID))
        connection.execute(update(Callback).where(Callback.id == f"callback-{word}").values(number=phone))
        payload = {"to": [address], "subject": SAID, "text": SAID}
        connection.execute(update(Outgoing).where(Outgoing.id == f"outgoing-{word}").values(payload=payload))


def _paths() -> Iterator[str]:
    """Every GET of the table that an auditor may ask, of an object of each kind where it has one."""
    kinds: dict[str, list[str]] = {}
    for path, kind in objects():
        kinds.setdefault(path, []).append(kind)
    for method, path in sorted(TABLE):
        if method != "GET" or "auditor" not in TABLE[method, path] or path == "/api/v1/events":
            continue
        for kind in kinds.get(path, ["outgoing" if "letters/{id}" in path else "lead"]):
            given = {"id": "1" if kind == "delivery" else f"{kind}-own", "interaction": "mail-own"}
            for query in ASKED.get(path, ("",)):
                yield filled(path, given) + query
        if path.endswith(".{format}"):
            yield filled(path).replace(".csv", ".xlsx") + ASKED.get(path, ("",))[0]


def _told(body: bytes) -> str:
    """What an answer says, as somebody reads it who looks for a number in any spelling."""
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"\n".join(book.read(name) for name in book.namelist() if name.endswith(".xml"))
    return html.unescape(unquote(body.decode(errors="replace")))


def _found(text: str) -> set[str]:
    """The seeded numbers and addresses in ``text``: of a number the national digits suffice."""
    digits = re.sub(r"[\s().\-+/\u00a0\u2010-\u2015]|<[^>]*>", "", text)
    numbers = {number for number in NUMBERS if number[1:] in digits or number[1:] in text}
    return numbers | {address for address in ADDRESSES if address in text.lower() or address.split("@")[0] in text}


async def _get(house: House, role: str, path: str) -> tuple[int, str, str]:
    page = "text/html" if not path.startswith("/api/") else "application/json"
    url = house.gateway.web.private_address + path
    async with house.clients[role].get(url, headers={"Accept": page}, allow_redirects=False) as answer:
        return answer.status, _told(await answer.read()), str(answer.headers)


async def test_no_route_tells_a_number_or_an_address_to_who_sees_them_masked(house: House) -> None:
    wrong, seen, statuses = [], set(), []
    for path in dict.fromkeys(_paths()):
        for role in ("owner", "auditor"):
            if path.endswith("/pdf"):
                continue  # it takes a second; asked for below
            status, text, headers = await _get(house, role, path)
            if role == "owner":
                seen |= {(path.split("?")[0].split("/")[1:4][-1], found) for found in _found(text)}
            elif status >= 500 or _found(text + headers):
                wrong.append((role, path, status, sorted(_found(text + headers))))
            else:
                statuses.append(status)
    assert wrong == []
    assert {found for _, found in seen} == {*NUMBERS, *ADDRESSES}
    assert len({place for place, _ in seen}) > 15, sorted(seen)
    assert statuses.count(200) > 50


@pytest.mark.parametrize(
    "path",
    ["/", "/leads", "/leads/lead-own", "/calls", "/contacts", "/contacts/contact-own", "/callbacks/callback-own",
     "/pipeline", "/tasks?manager=all", "/contacts/table.csv", "/contacts/table.xlsx", "/api/v1/leads",
     "/api/v1/contacts",
     "/api/v1/calls", "/api/v1/callbacks", "/api/v1/interactions/mail-own", "/leads/lead-own/letters/mail-own"],
)  # fmt: skip
async def test_the_owner_is_told_what_others_see_masked(house: House, path: str) -> None:
    status, whole, _ = await _get(house, "owner", path)
    assert status == 200
    assert _found(whole)
    status, masked, _ = await _get(house, "auditor", path)
    assert status == 200
    assert re.search(r"\+7 (926|495) \*\*\*-\*\*-\d\d|i\*\*\*@client\.example", masked)


async def test_what_is_no_number_of_a_customer_stays(house: House) -> None:
    for path in ("/leads/lead-own", "/api/v1/leads/lead-own"):
        _, text, _ = await _get(house, "auditor", path)
        assert [kept for kept in KEPT if kept not in text] == []
    async with house.clients["auditor"].get(house.gateway.web.private_address + "/api/v1/calls/call-own") as answer:
        call = await answer.json()
    async with house.clients["owner"].get(house.gateway.web.private_address + "/api/v1/calls/call-own") as answer:
        whole = await answer.json()
    same = {name for name in whole if whole[name] == call[name]}
    assert {"id", "started_at", "outcome", "wait_seconds"} <= same
    assert (call["dialled"], call["caller"]) == ("+78005553535", "+7 926 ***-**-01")


async def test_a_link_to_call_or_write_leads_nowhere(house: House) -> None:
    for path in ("/contacts/contact-own", "/leads/lead-own", "/callbacks/callback-own", "/calls"):
        for role in MASKED_ROLES:
            _, text, _ = await _get(house, role, path)
            assert "tel:" not in text, path
            assert "mailto:" not in text, path
        _, text, _ = await _get(house, "owner", path)
        assert "tel:+79260000001" in text, path


@pytest.mark.parametrize(
    "path",
    ["/api/v1/documents/document-own/pdf", "/api/v1/documents/document-own/page"],
)
async def test_a_file_that_can_t_be_masked_is_refused(house: House, path: str) -> None:
    url = house.gateway.web.private_address + path
    async with house.clients["auditor"].get(url) as answer:
        assert answer.status == 403
        assert (await answer.json())["code"] == "masked"
    async with house.clients["owner"].get(url) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        ("own", True),
        ("+79260000001", True),
        ("8 926 000-00-01", True),
        ("ivan.own@client.example", True),
        ("926000", False),
        ("+7926000000", False),
        ("00-01", False),
        ("ivan.own", False),
        ("client", False),
        ("ivan.own@client", False),
        ("765-43", False),
        ("texts.exam", False),
    ],
)
async def test_a_search_finds_names_and_whole_handles_only(house: House, words: str, *, finds: bool) -> None:
    for name in ("leads", "contacts", "calls", "callbacks", "tasks", "documents"):
        _, text, _ = await _get(house, "auditor", f"/api/v1/{name}?q={quote(words)}")
        assert ("-own" in text) is finds, (name, words, text[:300])


async def test_the_owner_searches_as_ever_beside_who_does_not(house: House) -> None:
    async def ask(role: str) -> bool:
        return "lead-own" in (await _get(house, role, "/api/v1/leads?q=926000"))[1]

    roles = ("auditor", "owner") * 5
    assert await asyncio.gather(*map(ask, roles)) == [role == "owner" for role in roles]


async def _first_event(house: House, role: str) -> str:
    url = house.gateway.web.private_address + "/api/v1/events?last_event_id=0"
    async with house.clients[role].get(url, timeout=aiohttp.ClientTimeout(total=20)) as answer:
        async for line in answer.content:
            if line.startswith(b"data:") and b"lead-own" in line:
                return line.decode()
    raise AssertionError("the stream ended")


async def test_events_tell_ids_only(house: House) -> None:
    assert await _first_event(house, "auditor") == 'data: {"id":"lead-own"}\n'
    assert _found(await _first_event(house, "owner"))


async def test_a_mask_that_is_sent_back_is_refused_and_nothing_is_overwritten(house: House) -> None:
    url = house.gateway.web.private_address + "/api/v1/contacts/contact-own"
    headers = {"X-CSRF-Token": house.csrf["manager"]}
    for change in ({"phones": ["+7 926 ***-**-01"]}, {"emails": ["i***@client.example"]}):
        async with house.clients["manager"].patch(url, json=change, headers=headers) as answer:
            assert answer.status == 422
            assert (await answer.json())["code"] == "masked"
    async with house.clients["manager"].patch(url, json={"name": "own renamed"}, headers=headers) as answer:
        assert answer.status == 200
        assert not _found(await answer.text())
    async with house.clients["owner"].get(url) as answer:
        contact = await answer.json()
    assert (contact["name"], contact["phones"]) == ("own renamed", ["+79260000001"])


async def test_a_refusal_does_not_tell_a_number_either(house: House) -> None:
    url = house.gateway.web.private_address + "/api/v1/contacts/contact-own"
    headers = {"X-CSRF-Token": house.csrf["manager"]}
    async with house.clients["manager"].patch(url, json={"phones": ["+79260000003"]}, headers=headers) as answer:
        assert answer.status >= 400
        assert not _found(await answer.text())
