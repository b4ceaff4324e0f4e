"""The same door for LMTP (RFC 2033): an answer for each recipient, none before the letter is durable."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.mail.settings import LmtpSettings, SmtpSettings
from gateway.mail.smtp import SmtpListener
from tests.integration.mail.smtp_client import LETTER, Client, eventually
from tests.support.sink import ManualClock, RecordingSink


@asynccontextmanager
async def lmtp(sink: RecordingSink, **changed: Any) -> AsyncIterator[SmtpListener]:
    settings = LmtpSettings(listen="127.0.0.1:0").with_limits_of(SmtpSettings(**changed))
    listener = SmtpListener(settings, sink, ManualClock(), "lmtp")
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


async def greeted(listener: SmtpListener) -> Client:
    client = await Client.connect(listener)
    assert (await client.answer()).startswith("220 ")
    assert "250" in await client.say("LHLO client.example")
    return client


async def test_a_mail_server_hands_a_letter_over_as_the_standard_library_does() -> None:
    sink = RecordingSink()
    async with lmtp(sink) as listener:

        def talk() -> dict[str, tuple[int, bytes]]:
            with smtplib.LMTP("127.0.0.1", listener.port) as connection:
                return connection.sendmail("ivan@example.com", ["info@shop.example"], LETTER)

        assert await asyncio.to_thread(talk) == {}
        (item,) = sink.items
        assert (item.connector, item.source, item.raw) == ("lmtp", "lmtp", LETTER)
        assert item.sighting is not None
        assert (item.sighting.place, f"mail:{item.sighting.mark}") == ("", item.dedup_key)
        (health,) = listener.health()
        assert (health.name, health.ok) == ("lmtp", True)


async def test_each_recipient_gets_an_answer_of_its_own_for_one_letter() -> None:
    sink = RecordingSink()
    async with lmtp(sink, recipients=("*@shop.example",)) as listener:
        client = await greeted(listener)
        answers = [
            await client.say(f"{command}")
            for command in (
                "MAIL FROM:<ivan@example.com>", "RCPT TO:<a@shop.example>", "RCPT TO:<stranger@example.org>",
                "RCPT TO:<b@shop.example>", "DATA",
            )
        ]  # fmt: skip
        assert [answer[:3] for answer in answers] == ["250", "250", "550", "250", "354"]
        client.send(LETTER + b".\r\n")
        first, second = await client.answer(), await client.answer()
        assert first.startswith("250 ")
        assert first.endswith("<a@shop.example>")
        assert second.startswith("250 ")
        assert second.endswith("<b@shop.example>")
        assert (await client.say("NOOP")).startswith("250")  # and no third answer came before
        assert len(sink.items) == 1
        await client.leave()


async def test_a_letter_that_can_not_be_stored_is_asked_for_again_for_each_recipient() -> None:
    sink = RecordingSink()
    sink.refuse()
    async with lmtp(sink) as listener:
        client = await greeted(listener)
        await client.say("MAIL FROM:<ivan@example.com>", "RCPT TO:<a@shop.example>", "RCPT TO:<b@shop.example>", "DATA")
        client.send(LETTER + b".\r\n")
        assert [(await client.answer())[:3] for _ in range(2)] == ["451", "451"]
        await client.leave()
    assert sink.items == []


async def test_no_answer_comes_before_the_letter_is_durable() -> None:
    sink = RecordingSink()
    sink.hang()
    async with lmtp(sink) as listener:
        client = await greeted(listener)
        await client.say("MAIL FROM:<ivan@example.com>", "RCPT TO:<a@shop.example>", "DATA")
        client.send(LETTER + b".\r\n")
        await sink.entered.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.readline(), 0.1)
        sink.open.set()
        assert (await client.answer()).startswith("250")
        await client.leave()


async def test_a_mail_server_that_goes_away_after_the_dot_leaves_exactly_one_copy() -> None:
    sink = RecordingSink()
    async with lmtp(sink) as listener:
        for _ in range(2):  # it tries again, as it heard no answer
            sink.hang()
            client = await greeted(listener)
            await client.say("MAIL FROM:<ivan@example.com>", "RCPT TO:<a@shop.example>", "DATA")
            client.send(LETTER + b".\r\n")
            sink.entered.clear()
            await sink.entered.wait()
            client.writer.transport.abort()
            sink.open.set()
        await eventually(lambda: sink.calls == 2)
    assert len(sink.items) == 1


@pytest.mark.parametrize("greeting", ["EHLO client.example", "HELO client.example"])
async def test_a_sender_that_speaks_smtp_is_told_so(greeting: str) -> None:
    async with lmtp(RecordingSink()) as listener:
        client = await Client.connect(listener)
        await client.answer()
        assert await client.say(greeting) == "500 5.5.1 This is LMTP: say LHLO"
        await client.leave()


async def test_smtp_knows_no_lhlo() -> None:
    listener = SmtpListener(SmtpSettings(listen="127.0.0.1:0"), RecordingSink(), ManualClock())
    await listener.start()
    client = await Client.connect(listener)
    await client.answer()
    assert (await client.say("LHLO client.example")).startswith("500")
    await client.leave()
    await listener.stop()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"listen": "127.0.0.1:25"}, "port 25"),
        ({"listen": "0.0.0.0:2424"}, "recipients must name"),
        ({"listen": "nowhere"}, "must be host:port"),
        ({"recipients": ("nobody",)}, "neither an address"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LmtpSettings(**settings)


def test_the_recipients_of_smtp_count_where_there_are_no_others() -> None:
    smtp = SmtpSettings(recipients=("info@shop.example",), max_size=1000)
    own = LmtpSettings(listen="127.0.0.1:1", recipients=("sales@shop.example",))
    assert LmtpSettings(listen="127.0.0.1:1").with_limits_of(smtp).recipients == ("info@shop.example",)
    assert (own.with_limits_of(smtp).recipients, own.with_limits_of(smtp).max_size) == (("sales@shop.example",), 1000)
