"""Managers are told: by mail in their language, in the messenger, as urgent as configured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.clock import new_id
from gateway.outgoing.queue import Notice, put_notice
from gateway.outgoing.settings import NoticesSettings
from gateway.outgoing.submission import Later, Refused, SenderAtFault
from gateway.storage.store import Store
from tests.integration.outgoing.office import Office, eventually, senders
from tests.support.clock import MONDAY
from tests.support.submission import SubmissionServer

URL = "https://api.telegram.example/bot12345:AbCdEfGhIjKlMn/sendMessage"
TELEGRAM = NoticesSettings(webhook_url=URL, webhook_body='{"chat_id": "-100", "text": "{text}", "silent": true}')


async def tell(office: Office, key: str = "n", **changed: Any) -> str | None:
    facts: dict[str, Any] = {
        "to_manager": "m1", "subject": "Просрочен перезвон", "text": "Иван ждёт час.", "link": "/callbacks?id=1",
    }  # fmt: skip
    notice = Notice(**(facts | changed))
    return await office.store.write(lambda c: put_notice(c, notice, key=key, at=MONDAY, new_id=new_id))


async def told(office: Office, notice_id: str | None) -> Any:
    """The notice after it was spread."""
    assert notice_id is not None
    await eventually(lambda: office.row(notice_id).state != "waiting")
    return office.row(notice_id)


async def test_a_notice_is_a_letter_to_the_manager_in_his_language(
    any_office: Office, server: SubmissionServer
) -> None:
    office = any_office
    await office.manager()
    await office.manager("m2", language="en", email="bob@shop.example")
    async with office.open():
        await tell(office, "1")
        await tell(office, "2", to_manager="m2", subject="A callback is late", text="Ivan has waited.")
        await eventually(lambda: len(server.arrived) == 2)
    letters = {letter.rcpt_to[0]: letter.message for letter in server.arrived}
    russian, english = letters["anna@shop.example"], letters["bob@shop.example"]
    assert russian["Subject"] == "Просрочен перезвон"
    assert "Открыть в Leadgate: https://leads.example.com/callbacks?id=1" in russian.get_content()
    assert "Open in Leadgate: https://leads.example.com/callbacks?id=1" in english.get_content()
    assert russian["Auto-Submitted"] == "auto-generated"


async def test_a_notice_goes_to_the_messenger_in_the_shape_that_it_wants(office: Office) -> None:
    office.notices = TELEGRAM
    await office.manager(email=None)
    async with office.open():
        row = await told(office, await tell(office))
        await eventually(lambda: len(office.poster.posted) == 1)
    ((url, body),) = office.poster.posted
    assert url == URL
    assert json.loads(body) == {
        "chat_id": "-100",
        "text": "Просрочен перезвон\nИван ждёт час.\nhttps://leads.example.com/callbacks?id=1",
        "silent": True,
    }
    assert row.reason == "by webhook"


async def test_what_a_customer_wrote_can_not_break_out_of_the_messengers_json(office: Office) -> None:
    office.notices = TELEGRAM
    await office.manager(email=None)
    async with office.open():
        await tell(office, text='", "chat_id": "1", {manager} {text} \n\x00\ud83d')
        await eventually(lambda: len(office.poster.posted) == 1)
    body = json.loads(office.poster.posted[0][1])
    assert set(body) == {"chat_id", "text", "silent"}
    assert body["chat_id"] == "-100"
    assert "{manager} {text}" in body["text"]


@pytest.mark.parametrize(
    ("settings", "urgency", "letters", "posts"),
    [
        (NoticesSettings(webhook_url=URL), "info", 1, 1),
        (NoticesSettings(webhook_url=URL, webhook_from="alarm"), "warning", 1, 0),
        (NoticesSettings(webhook_url=URL, webhook_from="alarm"), "alarm", 1, 1),
        (NoticesSettings(webhook_url=URL, mail_from="warning"), "info", 0, 1),
        (NoticesSettings(webhook_url=URL, mail=False), "alarm", 0, 1),
    ],
)
async def test_the_urgency_decides_which_ways_a_notice_takes(
    office: Office, server: SubmissionServer, settings: NoticesSettings, urgency: str, letters: int, posts: int
) -> None:
    office.notices = settings
    await office.manager()
    async with office.open():
        await told(office, await tell(office, urgency=urgency))
        await eventually(lambda: (len(server.arrived), len(office.poster.posted)) == (letters, posts))
    assert len(office.rows(way="letter")) == letters


async def test_the_same_notice_twice_is_given_once(office: Office, server: SubmissionServer) -> None:
    await office.manager()
    async with office.open():
        await told(office, await tell(office))
        await eventually(lambda: len(server.arrived) == 1)
        assert await tell(office) is None
    assert len(office.rows(way="letter")) == 1


@pytest.mark.parametrize(
    "manager",
    [{"email": None}, {"email": "no address"}, {"disabled_at": MONDAY}, {"manager_id": "somebody-else"}],
)
async def test_a_manager_who_can_not_be_told_does_not_hold_up_the_others(
    office: Office, server: SubmissionServer, manager: dict[str, Any]
) -> None:
    await office.manager(**manager)
    await office.manager("m2", email="bob@shop.example")
    async with office.open():
        row = await told(office, await tell(office, "1"))
        await tell(office, "2", to_manager="m2")
        await eventually(lambda: len(server.arrived) == 1)
    assert row.state == "failed"
    assert "manager" in row.reason


async def test_without_any_way_a_notice_says_what_to_configure(store: Store, server: SubmissionServer) -> None:
    office = Office(store, server, senders())
    await office.manager()
    async with office.open():
        row = await told(office, await tell(office))
    assert row.reason == "neither a [[sender]] nor a webhook in [notices] is configured"


async def test_a_messenger_that_asks_for_patience_gets_it(office: Office) -> None:
    office.notices = TELEGRAM
    office.poster.errors = [Later("429 Too Many Requests", retry_after=33.0)]
    await office.manager(email=None)
    async with office.open():
        await tell(office)
        await eventually(lambda: len(office.rows(way="webhook", state="waiting")) == 1)
        await eventually(lambda: office.rows(way="webhook")[0].reason is not None)
        (row,) = office.rows(way="webhook")
        assert (row.due_at - MONDAY).total_seconds() == 33
        office.clock.move(33)
        await eventually(lambda: office.rows(way="webhook")[0].state == "sent")


async def test_a_message_that_the_messenger_never_takes_fails_alone(office: Office) -> None:
    office.notices = TELEGRAM
    office.poster.errors = [Refused("400 Bad Request: chat not found")]
    await office.manager(email=None)
    async with office.open() as worker:
        await tell(office, "1")
        await eventually(lambda: len(office.rows(way="webhook", state="failed")) == 1)
        await tell(office, "2")
        await eventually(lambda: len(office.poster.posted) == 1)
        assert all(entry.ok for entry in worker.health())


async def test_a_messenger_with_wrong_settings_is_named_in_the_health_and_mail_goes_on(
    office: Office, server: SubmissionServer
) -> None:
    office.notices = NoticesSettings(webhook_url=URL)
    office.poster.errors = [SenderAtFault("[notices] webhook_url: api.telegram.example answered 401")]
    await office.manager()
    async with office.open() as worker:
        await tell(office, "1")
        await eventually(lambda: any(not entry.ok for entry in worker.health()))
        await tell(office, "2")
        await eventually(lambda: len(server.arrived) == 2)
        assert office.poster.posted == []
        office.clock.move(301)
        await eventually(lambda: len(office.poster.posted) == 2)
    assert all(entry.ok for entry in worker.health())
