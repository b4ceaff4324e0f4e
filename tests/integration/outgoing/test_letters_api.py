"""Letters over the API: answering, attachments, HTML, source, and what goes out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from gateway.core.clock import SystemClock, new_id
from gateway.web.accounts import Accounts
from tests.integration.outgoing.house import House, house, letter
from tests.integration.outgoing.office import eventually
from tests.support.submission import SubmissionServer

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(20)
HTML = """<html><head><style>p {color: red}</style></head><body onload="steal()">
<p style="position:fixed">Посмотрите <b>смету</b></p><script>alert(1)</script>
<img src="cid:logo@x" alt="Лого"><img src="http://tracker.example/1.gif"><img src="cid:unknown">
<a href="javascript:alert(1)">x</a> <a href="https://example.com/">site</a></body></html>"""
LETTER = b"\r\n".join(
    [
        b"From: ivan@example.com", b"To: sales@shop.example", b"Message-ID: <html@example.com>", b"MIME-Version: 1.0",
        b"Subject: Smeta", b'Content-Type: multipart/mixed; boundary="m"', b"",
        b"--m", b'Content-Type: multipart/related; boundary="r"', b"",
        b"--r", b"Content-Type: text/html; charset=utf-8", b"Content-Transfer-Encoding: base64", b"",
        base64.b64encode(HTML.encode()),
        b"--r", b"Content-Type: image/png", b"Content-ID: <logo@x>", b"Content-Transfer-Encoding: base64", b"",
        base64.b64encode(PICTURE), b"--r--",
        b"--m", b"Content-Type: text/html", b'Content-Disposition: attachment; filename="../../evil.html"', b"",
        b"<script>alert(document.cookie)</script>", b"--m--", b"",
    ]
)  # fmt: skip


class Program:
    """Asks the API of a house with a token."""

    def __init__(self, shop: House, session: aiohttp.ClientSession) -> None:
        self.shop = shop
        self.session = session

    async def get(self, path: str) -> tuple[int, aiohttp.ClientResponse, bytes]:
        async with self.session.get(f"{self.shop.gateway.web.private_address}{path}") as answer:
            return answer.status, answer, await answer.read()

    async def json(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"{self.shop.gateway.web.private_address}{path}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def post(self, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.shop.gateway.web.private_address}{path}", json=body) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest_asyncio.fixture
async def shop(tmp_path: Path, server: SubmissionServer) -> AsyncIterator[House]:
    async with house(tmp_path, server) as opened:
        yield opened


@pytest_asyncio.fixture
async def program(shop: House) -> AsyncIterator[Program]:
    accounts = Accounts(shop.gateway.store, SystemClock(), new_id, shop.gateway.web.passwords)
    token = await accounts.add_token("test")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        yield Program(shop, session)


async def received(shop: House, raw: bytes) -> Any:
    await shop.receive(raw)
    await eventually(lambda: len(shop.leads()) == 1)
    return shop.interactions()[0]


async def test_an_attachment_is_handed_out_for_keeping_and_never_for_running(program: Program) -> None:
    found = await received(program.shop, LETTER)
    assert [file["name"] for file in found.attachments] == ["attachment-1.png", "evil.html"]
    status, answer, body = await program.get(f"/api/v1/interactions/{found.id}/files/2")
    assert (status, body) == (200, b"<script>alert(document.cookie)</script>")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="evil.html"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    status, answer, body = await program.get(f"/api/v1/interactions/{found.id}/files/1")
    assert (status, answer.headers["Content-Type"], body) == (200, "image/png", PICTURE)


async def test_attachments_that_there_are_not_are_not_found(program: Program) -> None:
    found = await received(program.shop, LETTER)
    for path in (
        f"{found.id}/files/3",
        f"{found.id}/files/0",
        f"{found.id}/files/x",
        "no/files/1",
    ):
        assert (await program.get(f"/api/v1/interactions/{path}"))[0] == 404


async def test_the_html_of_a_letter_is_harmless_and_loads_nothing(program: Program) -> None:
    found = await received(program.shop, LETTER)
    status, answer, body = await program.get(f"/api/v1/interactions/{found.id}/html")
    shown = body.decode()
    assert status == 200
    assert "Посмотрите <b>смету</b>" in shown
    assert f'src="data:image/png;base64,{base64.b64encode(PICTURE).decode()}"' in shown
    for danger in ("script", "tracker", "javascript", "onload", "position", "cid:"):
        assert danger not in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


async def test_a_letter_without_html_says_so_and_its_source_is_at_hand(program: Program) -> None:
    found = await received(program.shop, letter())
    assert (await program.get(f"/api/v1/interactions/{found.id}/html"))[0] == 404
    status, _, body = await program.get(f"/api/v1/interactions/{found.id}/source")
    assert (status, body) == (200, letter())


async def test_a_lead_is_answered_over_the_api_once(program: Program) -> None:
    found = await received(program.shop, letter())
    file = {"name": "цены.txt", "content": base64.b64encode(b"1000").decode(), "content_type": "text/plain"}
    body = {"text": "Тысяча.", "attachments": [file], "key": "k1"}
    status, answered = await program.post(f"/api/v1/leads/{found.lead_id}/answer", body)
    assert (status, answered["to"], answered["repeated"]) == (202, "ivan@example.com", False)
    again = await program.post(f"/api/v1/leads/{found.lead_id}/answer", body)
    assert again[1]["letter"] == answered["letter"]
    await eventually(lambda: program.shop.outgoing()[0].state == "sent")
    state = await program.json(f"/api/v1/outgoing/{answered['letter']}")
    assert (state["state"], state["tries"][0]["result"], state["subject"]) == ("sent", "sent", "Re: Насос")
    listed = await program.json("/api/v1/outgoing?status=sent")
    assert [one["id"] for one in listed["items"]] == [answered["letter"]]
    assert len(program.shop.server.arrived) == 1


async def test_what_goes_out_is_listed_page_by_page_and_counted_in_health_and_metrics(program: Program) -> None:
    found = await received(program.shop, letter())
    letters = []
    for number in range(5):
        body = {"text": f"Ответ {number}", "key": f"k{number}"}
        letters.append((await program.post(f"/api/v1/leads/{found.lead_id}/answer", body))[1]["letter"])
    await eventually(lambda: {one.state for one in program.shop.outgoing()} == {"sent"})
    first = await program.json("/api/v1/outgoing?limit=2")
    second = await program.json(f"/api/v1/outgoing?limit=2&cursor={first['next']}")
    third = await program.json(f"/api/v1/outgoing?limit=2&status=sent&cursor={second['next']}")
    assert [one["id"] for page in (first, second, third) for one in page["items"]] == letters[::-1]
    assert third["next"] is None
    for wrong in ("limit=0", "limit=x", "limit=201", "cursor=x", "cursor=%00", "page=2"):
        assert (await program.get(f"/api/v1/outgoing?{wrong}"))[0] == 400, wrong
    health = await program.json("/health")
    assert health["outgoing"] == {
        "count": 0, "oldest_at": None, "oldest_age_seconds": None, "failed": 0, "unknown": 0,
    }  # fmt: skip
    metrics = (await program.get("/metrics"))[2].decode()
    assert 'leadgate_outgoing_tries_total{result="sent"} 5.0' in metrics
    assert "leadgate_outgoing_waiting 0.0" in metrics


async def test_answers_that_can_not_be_given_say_why(program: Program) -> None:
    found = await received(program.shop, letter())
    path = f"/api/v1/interactions/{found.id}/answer"
    assert (await program.post(path, {"text": " "}))[0] == 422
    assert (await program.post(path, {"text": "x", "sender": "nobody"}))[0] == 422
    assert (await program.post(path, {"text": "x", "colour": "red"}))[0] == 400
    assert (await program.post("/api/v1/leads/none/answer", {"text": "x"}))[0] == 404
    assert (await program.get("/api/v1/outgoing?status=lost"))[0] == 400
    assert (await program.get("/api/v1/outgoing/none"))[0] == 404


async def test_a_letter_that_failed_is_sent_again_or_dropped_by_a_person(program: Program) -> None:
    found = await received(program.shop, letter())
    program.shop.server.rcpt.append("550 mailbox unavailable")
    _, answered = await program.post(f"/api/v1/interactions/{found.id}/answer", {"text": "Тысяча."})
    await eventually(lambda: program.shop.outgoing()[0].state == "failed")
    status, again = await program.post(f"/api/v1/outgoing/{answered['letter']}/retry")
    assert (status, again["state"]) == (200, "waiting")
    await eventually(lambda: program.shop.outgoing()[0].state == "sent")
    assert (await program.post(f"/api/v1/outgoing/{answered['letter']}/drop"))[0] == 409
    program.shop.server.rcpt.append("550 mailbox unavailable")
    _, other = await program.post(f"/api/v1/interactions/{found.id}/answer", {"text": "Две."})
    await eventually(lambda: program.shop.outgoing(id=other["letter"])[0].state == "failed")
    assert (await program.post(f"/api/v1/outgoing/{other['letter']}/drop"))[1]["state"] == "dropped"
