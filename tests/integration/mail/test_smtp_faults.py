"""Senders that misbehave or go away, and a store that does."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.core.errors import StoreUnavailable
from gateway.mail.smtp.session import CALLS
from tests.integration.mail.smtp_client import LETTER, Client, eventually, listening
from tests.support.sink import RecordingSink


@pytest.mark.parametrize("rudely", [False, True])
async def test_sender_that_goes_away_after_the_dot_leaves_exactly_one_copy(rudely: bool) -> None:
    sink = RecordingSink()
    sink.hang()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(LETTER + b".\r\n")
        await sink.entered.wait()
        if rudely:
            client.reset()
        else:
            await client.leave()
        await eventually(lambda: listener._door.connections_inside == 0)
        sink.open.set()
        await eventually(lambda: sink.items)
        again = await Client.greeted(listener)
        assert await again.deliver() == "250 2.0.0 OK interaction-1"
        await again.leave()
    assert len(sink.items) == 1
    assert listener._door.octets_inside == 0


async def test_sender_that_closes_right_behind_the_dot_is_still_heard() -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(LETTER + b".\r\n")
        client.writer.write_eof()
        await eventually(lambda: sink.items)
        await client.leave()
    assert [item.raw for item in sink.items] == [LETTER]


@pytest.mark.parametrize("part", [b"", b"Subject: half", LETTER, LETTER + b"."])
async def test_sender_that_goes_away_before_the_dot_leaves_nothing(part: bytes) -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(part)
        await client.leave()
        await eventually(lambda: listener._door.connections_inside == 0)
        assert listener._door.octets_inside == 0
    assert sink.calls == 0


@pytest.mark.parametrize("width", [998, 2_000, 200_000, 3_000_000])
async def test_long_lines_are_taken(width: int) -> None:
    """aiosmtpd #285, OpenSMTPD #1134, maddy #352: lines above 1,000 bytes were refused for good."""
    sink = RecordingSink()
    letter = LETTER + b"x" * width + b"\r\n"
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        assert (await client.deliver(letter)).startswith("250")
        await client.leave()
    assert sink.items[0].raw == letter


async def test_lone_line_feeds_inside_a_letter_are_kept() -> None:
    sink = RecordingSink()
    letter = b"Subject: x\n\n" + b"line\n" * 5_000 + b"\r\n"
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        assert (await client.deliver(letter)).startswith("250")
        await client.leave()
    assert sink.items[0].raw == letter


async def test_sender_that_knows_only_line_feeds_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    sink = RecordingSink()
    async with listening(sink, idle_seconds=0.1) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(b"Subject: x\n\nbody\n.\n")
        assert "CRLF" in await client.answer()
        assert await client.closed()
        await client.leave()
    assert sink.calls == 0
    assert [record.action for record in caplog.records if record.levelno == logging.WARNING] == [  # type: ignore[attr-defined]
        "smtp_lone_line_feeds"
    ]


async def test_silent_connection_is_closed_with_a_word() -> None:
    async with listening(RecordingSink(), idle_seconds=0.05) as listener:
        client = await Client.connect(listener)
        assert (await client.answer()).startswith("220")
        assert (await client.answer()).startswith("421 4.4.2 Nothing came")
        assert await client.closed()
        await client.leave()


async def test_slow_letter_is_not_cut_by_the_idle_time_out() -> None:
    sink = RecordingSink()
    async with listening(sink, idle_seconds=0.4) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        for piece in (LETTER[:10], LETTER[10:20], LETTER[20:30], LETTER[30:], b".\r\n"):
            await asyncio.sleep(0.15)
            client.send(piece)
        assert (await client.answer()).startswith("250")
        await client.leave()
    assert sink.items[0].raw == LETTER


async def test_connection_that_keeps_busy_for_ever_is_ended() -> None:
    async with listening(RecordingSink(), session_seconds=0.1) as listener:
        client = await Client.greeted(listener)
        assert (await client.say("NOOP")).startswith("250")
        assert (await client.answer()).startswith("421 4.4.2 This connection is too old")
        assert await client.closed()
        await client.leave()


async def test_too_large_letter_is_refused_and_the_connection_goes_on() -> None:
    sink = RecordingSink()
    async with listening(sink, max_size=1000) as listener:
        client = await Client.greeted(listener)
        assert (await client.say("MAIL FROM:<a@b.example> SIZE=1001")).startswith("552")
        assert (await client.deliver(LETTER + b"x" * 1000 + b"\r\n")).startswith("552 5.3.4")
        assert (await client.deliver()).startswith("250")
        await client.leave()
    assert [item.raw for item in sink.items] == [LETTER]
    assert listener._door.octets_inside == 0


@pytest.mark.parametrize("error", ["not durable", "a fault of ours"])
async def test_letter_that_can_not_be_stored_is_asked_for_again(error: str, caplog: pytest.LogCaptureFixture) -> None:
    sink = RecordingSink()
    if error == "not durable":
        sink.refuse()
    else:
        sink.error = StoreUnavailable("/secret/path: no space left")
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        answer = await client.deliver()
        assert answer.startswith("451 4.3.0")
        assert "secret" not in answer
        [health] = listener.health()
        assert (health.ok, health.state) == (False, "refusing")
        assert "try again" in str(health.detail)
        sink.error = None
        assert (await client.deliver()).startswith("250")
        assert listener.health()[0].ok
        await client.leave()
    assert len(sink.items) == 1
    assert "smtp_store_failed" in [getattr(record, "action", "") for record in caplog.records]


async def test_store_that_hangs_does_not_hold_the_sender_and_the_letter_is_kept_once() -> None:
    sink = RecordingSink()
    sink.hang()
    async with listening(sink, accept_seconds=0.05) as listener:
        client = await Client.greeted(listener)
        assert (await client.deliver()).startswith("451 4.3.0")
        assert "disk" in str(listener.health()[0].detail)
        assert listener._door.octets_inside > 0  # what hangs still holds its memory
        sink.open.set()
        assert (await client.deliver()).startswith("250 2.0.0 OK interaction-1")
        await client.leave()
        await eventually(lambda: listener._door.octets_inside == 0)
    assert len(sink.items) == 1


async def test_stop_gives_up_a_letter_that_hangs_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.mail.smtp.listener.STOP_SECONDS", 0.05)
    sink = RecordingSink()
    sink.hang()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(LETTER + b".\r\n")
        await sink.entered.wait()
        await listener.stop()
        assert not (await client.answer()).startswith("250")
        await client.leave()
    assert "smtp_gave_up" in [getattr(record, "action", "") for record in caplog.records]
    assert listener._door.octets_inside == 0


@pytest.mark.parametrize(
    ("commands", "code"),
    [(["DATA"], "503"), (["MAIL FROM:<a@b.example>", "DATA"], "503"),
     (["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA now"], "501")],
)  # fmt: skip
async def test_commands_out_of_order_are_refused(commands: list[str], code: str) -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.greeted(listener)
        assert (await client.say(*commands)).startswith(code)
        await client.leave()


async def test_data_before_a_greeting_is_refused() -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.connect(listener)
        await client.answer()
        assert (await client.say("DATA")).startswith("503")
        await client.leave()


async def test_letters_that_hang_fill_the_memory_limit_and_no_more() -> None:
    sink = RecordingSink()
    sink.hang()
    big = b"x" * 900 + b"\r\n"
    async with listening(sink, accept_seconds=0.05, max_size=1000, max_memory=2000) as listener:
        client = await Client.greeted(listener)
        assert (await client.deliver(b"1" + big)).startswith("451")
        assert (await client.deliver(b"2" + big)).startswith("451")
        assert (await client.deliver(b"3" + big)).startswith("452 4.3.1")
        sink.open.set()
        await eventually(lambda: listener._door.octets_inside == 0)
        assert (await client.deliver(b"3" + big)).startswith("250")
        await client.leave()


async def test_connections_above_the_limits_are_told_to_come_again() -> None:
    async with listening(RecordingSink(), max_connections=3, per_ip=2) as listener:
        clients = [await Client.connect(listener) for _ in range(3)]
        answers = [await client.answer() for client in clients]
        assert [answer[:3] for answer in answers] == ["220", "220", "421"]
        assert "from your address" in answers[2]
        assert await clients[2].closed()
        await clients[0].leave()
        await eventually(lambda: listener._door.connections_inside == 1)
        late = await Client.greeted(listener)
        for client in (*clients[1:], late):
            await client.leave()


async def test_letters_in_one_connection_are_limited_by_a_temporary_answer() -> None:
    sink = RecordingSink()
    async with listening(sink, max_messages=2) as listener:
        client = await Client.greeted(listener)
        await client.deliver(b"Subject: 1\r\n\r\n")
        await client.deliver(b"Subject: 2\r\n\r\n")
        assert (await client.say("MAIL FROM:<a@b.example>")).startswith("421")
        assert await client.closed()
        await client.leave()
    assert len(sink.items) == 2


async def test_chatter_is_limited() -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.greeted(listener)
        for _ in range(CALLS):
            assert (await client.say("NOOP")).startswith("250")
        assert (await client.say("NOOP")).startswith("421")
        assert await client.closed()
        await client.leave()


async def test_garbage_ends_the_connection_and_harms_nobody() -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        garbage, good = await Client.connect(listener), await Client.greeted(listener)
        garbage.send(b"\x16\x03\x01\x02\x00\x01\n" * 20 + b"\xff\xfe\x00\n" + b"GET / HTTP/1.1\r\n" * 10)
        assert await garbage.closed()
        garbage.send(b"x" * 100)
        assert (await good.deliver()).startswith("250")
        await garbage.leave()
        await good.leave()
    assert len(sink.items) == 1


async def test_endless_command_line_is_refused_in_bounded_memory() -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.greeted(listener)
        client.send(b"NOOP " + b"x" * 3_000_000 + b"\r\n")
        assert (await client.answer()).startswith("500")
        assert (await client.say("NOOP")).startswith("250")
        await client.leave()


async def test_fault_inside_a_command_is_temporary_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        monkeypatch.setattr(listener._handler, "_recipients", None)
        await client.say("MAIL FROM:<a@b.example>")
        answer = await client.say("RCPT TO:<info@shop.example>")
        assert answer.startswith("451 4.3.0")
        assert "NoneType" not in answer
        await client.leave()
