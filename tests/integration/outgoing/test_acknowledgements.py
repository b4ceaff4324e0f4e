"""Requests are acknowledged once, and nothing makes it a loop: each guard alone ends one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Connection, update

from gateway.core.types import Kind
from gateway.mail.draft import Ours, make_draft
from gateway.mail.inspect import inspect_mail
from gateway.outgoing import acknowledge
from gateway.outgoing.acknowledge import Request
from gateway.outgoing.settings import AcknowledgementSettings
from gateway.storage.tables import Lead
from tests.integration.outgoing.house import House, house, letter
from tests.integration.outgoing.office import eventually
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE
from tests.support.submission import SubmissionServer

ON = '[[form]]\nkey = "site"\n[[acknowledgement]]\n'


@pytest_asyncio.fixture
async def shop(tmp_path: Path, server: SubmissionServer) -> AsyncIterator[House]:
    async with house(tmp_path, server, ON) as opened:
        yield opened


async def processed(shop: House, count: int) -> None:
    """All that came in was understood and placed."""
    await shop.got(count, direction="inbound")

    async def waiting() -> int:
        return (await shop.gateway.status.status()).journal.count

    async with asyncio.timeout(PATIENCE):
        while await waiting():
            await asyncio.sleep(0.02)


def acknowledgements(shop: House) -> list[Any]:
    return shop.outgoing(purpose="acknowledgement")


async def test_a_request_is_acknowledged_in_its_thread_as_machines_must_say(shop: House) -> None:
    await shop.receive(letter())
    await eventually(lambda: len(shop.server.arrived) == 1)
    message = shop.server.arrived[0].message
    assert (message["To"], message["Subject"]) == ("ivan@example.com", "Re: Насос")
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-replied", "auto_reply")
    assert (message["X-Auto-Response-Suppress"], message["X-Leadgate"]) == ("All", "acknowledgement")
    assert message["In-Reply-To"] == "<1.ivan@example.com>"
    assert "Мы получили ваше обращение" in message.get_content()
    (sent,) = await shop.got(1, direction="outbound")
    assert (sent.kind, sent.lead_id) == ("auto_reply", shop.leads()[0].id)


async def test_without_the_table_nothing_is_acknowledged(tmp_path: Path, server: SubmissionServer) -> None:
    async with house(tmp_path, server) as shop:
        await shop.receive(letter())
        await processed(shop, 1)
        assert shop.outgoing() == []


async def test_a_form_is_acknowledged_in_the_words_and_language_of_its_table(
    tmp_path: Path, server: SubmissionServer
) -> None:
    tables = """
[[form]]
key = "site"
[[form]]
key = "other"
[[acknowledgement]]
lines = ["site"]
subject = "We have it"
text = "Dear {name}, thank you."
[[acknowledgement]]
lines = ["other"]
language = "en"
"""
    async with house(tmp_path, server, tables) as shop, aiohttp.ClientSession() as session:
        for key, email in (("site", "ivan@example.com"), ("other", "petr@example.com")):
            url = f"{shop.gateway.web.public_address}/f/{key}"
            async with session.post(url, data={"name": "Иван", "email": email, "message": "?"}) as response:
                assert response.status == 200
        await shop.receive(letter())
        await processed(shop, 3)
        await eventually(lambda: len(server.arrived) == 2)
    letters = {one.rcpt_to[0]: one.message for one in server.arrived}
    assert letters["ivan@example.com"]["Subject"] == "We have it"
    assert letters["ivan@example.com"].get_content().strip() == "Dear Иван, thank you."
    assert letters["petr@example.com"]["Subject"] == "We have received your request"


MACHINES = [
    {"Auto_Submitted": "auto-replied"},
    {"Auto_Submitted": "auto-generated"},
    {"Precedence": "bulk"},
    {"Precedence": "list"},
    {"List_Id": "<news.example.com>"},
    {"List_Unsubscribe": "<mailto:leave@example.com>"},
    {"X_Auto_Response_Suppress": "OOF, AutoReply"},
    {"X_Loop": "ivan@example.com"},
    {"X_Autoreply": "yes"},
    {"X_Leadgate": "answer"},
    {"Return_Path": "<>"},
    {"From": "noreply@example.com"},
    {"From": "do-not-reply@example.com"},
    {"From": "mailer-daemon@example.com"},
    {"From": "news-request@example.com"},
    {"From": "sales@shop.example"},
    {"Reply_To": "no-reply@example.com"},
    {"Subject": "Автоответ: меня нет на месте"},
]


async def test_first_guard_no_machine_is_answered(shop: House) -> None:
    for number, headers in enumerate(MACHINES):
        await shop.receive(letter(number=number, **{"From": f"robot{number}@example.com", **headers}))
    await eventually(lambda: len(shop.interactions()) == len(MACHINES))
    await shop.receive(letter("petr@example.org", number=99))  # when this one is answered, the others were judged
    await eventually(lambda: len(shop.server.arrived) == 1)
    assert [one.recipient for one in acknowledgements(shop)] == ["petr@example.org"]


@pytest.mark.parametrize("headers", MACHINES, ids=lambda headers: " ".join(headers) + " " + " ".join(headers.values()))
def test_the_reason_of_the_first_guard_is_known_without_the_kind(headers: dict[str, Any]) -> None:
    record = inspect_mail(letter(**headers), file="", region="RU", now=MONDAY)
    draft = make_draft(record, {}, MONDAY, Ours.of((), ()), "RU")
    request = Request(
        address=draft.handles[0].value if draft.handles else "x@example.com",
        draft=replace(draft, kind=Kind.MESSAGE),
        at=MONDAY,
        rule=AcknowledgementSettings(),
    )
    if headers.keys() <= {"X_Autoreply", "Subject"}:  # only these are left to the kind alone
        assert draft.kind is Kind.AUTO_REPLY
    else:
        assert acknowledge.no_machine(request, frozenset({"sales@shop.example"}), frozenset())


async def test_first_guard_the_null_sender_is_never_answered(shop: House) -> None:
    await shop.receive(letter(), mail_from="")
    await processed(shop, 1)
    assert acknowledgements(shop) == []


async def test_second_guard_an_address_gets_one_in_a_day_whatever_becomes_of_its_lead(
    tmp_path: Path, server: SubmissionServer
) -> None:
    async with house(tmp_path, server, ON) as shop:
        await shop.receive(letter())
        await eventually(lambda: len(server.arrived) == 1)
        await close_leads(shop)
    async with house(tmp_path, server, ON) as shop:  # a restart forgets nothing
        await shop.receive(letter(number=2, subject="Another matter"))
        await processed(shop, 2)
        assert len(shop.leads()) == 2
        assert len(acknowledgements(shop)) == 1


async def test_third_guard_all_together_get_so_many_in_an_hour(tmp_path: Path, server: SubmissionServer) -> None:
    async with house(tmp_path, server, ON + "per_hour = 3\n") as shop:
        for number in range(6):
            await shop.receive(letter(f"customer{number}@example.com", number=number))
        await processed(shop, 6)
        assert len(shop.leads()) == 6
        assert len(acknowledgements(shop)) == 3


async def test_third_guard_what_answers_an_acknowledgement_gets_none(shop: House) -> None:
    await shop.receive(letter())
    await eventually(lambda: len(shop.server.arrived) == 1)
    await close_leads(shop)
    ours = shop.server.arrived[0].message["Message-ID"]
    await shop.receive(letter("robot@example.org", number=2, In_Reply_To=ours))
    await processed(shop, 2)
    assert [one.recipient for one in acknowledgements(shop)] == ["ivan@example.com"]


async def close_leads(shop: House) -> None:
    """So that the next letter opens another one."""
    await shop.gateway.store.write(lambda c: c.execute(update(Lead).values(status="lost")))


def never(_connection: Connection, _request: Request) -> None:
    """A guard that lets everything through."""


GUARDS = {"no_machine": lambda *_: None, "not_lately": never, "not_too_many": never}
MACHINE_MARKS = (b"Auto-Submitted", b"Precedence", b"X-Auto-Response-Suppress", b"X-Leadgate")
THREAD = (b"In-Reply-To", b"References")


def without(raw: bytes, names: tuple[bytes, ...]) -> bytes:
    """The letter as a careless server on the way would leave it: without these headers."""
    for name in names:
        raw = re.sub(rb"(?m)^" + name + rb":.*\r\n(?:[ \t].*\r\n)*", b"", raw)
    return raw


@pytest.mark.parametrize(
    ("left", "stripped", "least", "most"),
    [
        ("all", (), 1, 1),
        ("no_machine", (), 1, 1),
        ("not_lately", (*MACHINE_MARKS, *THREAD), 1, 2),
        ("not_too_many", MACHINE_MARKS, 1, 2),
        ("not_too_many", (*MACHINE_MARKS, *THREAD), 6, 6),
        ("none", (*MACHINE_MARKS, *THREAD), 7, 99),
    ],
    ids=["all guards", "machines", "lately", "answers to ours", "cap", "without guards it is a loop"],
)
async def test_two_gateways_that_acknowledge_each_other_are_stopped_by_each_guard_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, stripped: tuple[bytes, ...], least: int, most: int
) -> None:
    """Each is the other's customer, only the guard ``left`` is there, and each letter opens a new lead.

    faveo #150, osTicket #1041, odoo #66329, chatwoot #5131, zammad #1131, GLPI #16785: machines answered each other.
    """
    for name, open_guard in GUARDS.items():
        if left not in (name, "all"):
            monkeypatch.setattr(acknowledge, name, open_guard)
    to_b, to_a = await SubmissionServer().start(), await SubmissionServer().start()
    tables = ON + "per_hour = 3\n"
    async with (
        house(tmp_path / "a", to_b, tables, address="a@one.example") as a,
        house(tmp_path / "b", to_a, tables, address="b@two.example") as b,
    ):
        await b.receive(letter("a@one.example", To="b@two.example"), "a@one.example")
        carried = 0
        while await another(to_a, to_b, carried) and carried < 10:  # a postman between them
            arrived, house_ = (to_a.arrived[-1], a) if carried % 2 == 0 else (to_b.arrived[-1], b)
            carried += 1
            await close_leads(a)
            await close_leads(b)
            await house_.receive(without(arrived.raw, stripped), arrived.mail_from)
    letters = len(to_a.arrived) + len(to_b.arrived)
    await to_a.stop()
    await to_b.stop()
    assert least <= letters <= most


async def another(to_a: SubmissionServer, to_b: SubmissionServer, carried: int) -> bool:
    """Whether a gateway sends one more letter than were carried."""
    for _ in range(50):
        if len(to_a.arrived) + len(to_b.arrived) > carried:
            return True
        await asyncio.sleep(0.02)
    return False
