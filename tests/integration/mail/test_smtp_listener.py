"""The listener over real sockets: what senders say, and what they are answered."""

from __future__ import annotations

import asyncio
import errno
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.core.errors import ConfigError
from gateway.core.types import Channel
from gateway.mail.settings import SmtpSettings
from gateway.mail.smtp import SmtpListener
from gateway.mail.smtp.listener import _why_not
from tests.integration.mail.smtp_client import LETTER, Client, eventually, listening
from tests.support.sink import ManualClock, RecordingSink


async def test_letter_of_an_ordinary_program_is_stored_raw_with_its_envelope() -> None:
    sink = RecordingSink()
    letter = EmailMessage()
    letter["From"] = "Ivan <ivan@example.com>"
    letter["To"] = "info@shop.example"
    letter["Subject"] = "Цена насоса"
    letter.set_content("Сколько стоит?\n.\n")

    def send(port: int) -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="site.example") as smtp:
            return smtp.send_message(letter, to_addrs=["info@shop.example", "sales@shop.example"])

    async with listening(sink) as listener:
        assert await asyncio.to_thread(send, listener.port) == {}
        [item] = sink.items
        assert (item.connector, item.source, item.channel) == ("smtp", "smtp", Channel.MAIL)
        assert item.raw.startswith(b"From: Ivan <ivan@example.com>\r\n")
        assert item.draft is None
        assert item.pending == "to be parsed"
        assert item.dedup_key.startswith("mail:")
        assert item.key.startswith("mail:")
        assert item.meta == {
            "mail_from": "ivan@example.com",
            "rcpt_to": ["info@shop.example", "sales@shop.example"],
            "helo": "site.example",
            "peer": "127.0.0.1",
            "tls": False,
        }
        [health] = listener.health()
        assert (health.ok, health.state, health.last_event_at) == (True, "listening", item.received_at)
    assert [health.state for health in listener.health()] == ["stopped"]


async def test_the_answer_names_the_interaction_and_comes_after_it_is_durable() -> None:
    sink = RecordingSink()
    sink.hang()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        await client.begin()
        client.send(LETTER + b".\r\n")
        await sink.entered.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.readline()
        sink.open.set()
        assert await client.answer() == "250 2.0.0 OK interaction-1"
        await client.leave()


async def test_a_retry_and_a_copy_for_a_second_recipient_are_one_letter() -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        first, second = await Client.greeted(listener), await Client.greeted(listener)
        assert await first.deliver() == "250 2.0.0 OK interaction-1"
        assert await second.deliver(b"Received: by relay\r\n" + LETTER) == "250 2.0.0 OK interaction-1"
        await second.begin("sales@shop.example")
        second.send(LETTER + b".\r\n")
        assert await second.answer() == "250 2.0.0 OK interaction-1"
        await first.leave()
        await second.leave()
    assert len(sink.items) == 1


async def test_empty_sender_of_a_bounce_is_empty_in_the_envelope() -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        assert (await client.say("MAIL FROM:<>", "RCPT TO:<info@shop.example>", "DATA")).startswith("354")
        client.send(b".\r\n")
        assert (await client.answer()).startswith("250")
        await client.leave()
    assert sink.items[0].meta["mail_from"] == ""
    assert sink.items[0].raw == b""


async def test_only_our_recipients_are_taken() -> None:
    sink = RecordingSink()
    async with listening(sink, recipients=("info@shop.example", "*@branch.example")) as listener:
        client = await Client.greeted(listener)
        await client.say("MAIL FROM:<ivan@example.com>")
        assert (await client.say("RCPT TO:<victim@elsewhere.example>")).startswith("550 5.1.1")
        assert (await client.say("DATA")).startswith("503")
        assert (await client.say("RCPT TO:<INFO@shop.example>")).startswith("250")
        assert (await client.say("RCPT TO:<any@branch.example>")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        client.send(LETTER + b".\r\n")
        assert (await client.answer()).startswith("250")
        await client.leave()
    assert sink.items[0].meta["rcpt_to"] == ["INFO@shop.example", "any@branch.example"]


async def test_somebody_who_guesses_recipients_is_sent_away() -> None:
    async with listening(RecordingSink(), recipients=("info@shop.example",)) as listener:
        client = await Client.greeted(listener)
        await client.say("MAIL FROM:<a@b.example>")
        for number in range(20):
            assert (await client.say(f"RCPT TO:<guess{number}@shop.example>")).startswith("550")
        assert await client.closed()


async def test_too_many_recipients_are_asked_to_come_separately() -> None:
    sink = RecordingSink()
    async with listening(sink, max_recipients=2) as listener:
        client = await Client.greeted(listener)
        await client.say("MAIL FROM:<a@b.example>", "RCPT TO:<1@x.example>", "RCPT TO:<2@x.example>")
        assert (await client.say("RCPT TO:<3@x.example>")).startswith("452 4.5.3")
        await client.say("DATA")
        client.send(LETTER + b".\r\n")
        assert (await client.answer()).startswith("250")
        await client.leave()
    assert sink.items[0].meta["rcpt_to"] == ["1@x.example", "2@x.example"]


@pytest.mark.parametrize(
    "command",
    [
        "MAIL FROM:<ivan@example.com> SIZE=1000 BODY=8BITMIME",
        "MAIL FROM:<ivan@example.com> RET=HDRS ENVID=QQ314159",
        "MAIL FROM:<ivan@example.com> AUTH=<>",
        "MAIL FROM:<иван@почта.рф> SMTPUTF8",
        "MAIL FROM:<\udcff\udcfe@example.com>",
        "mail from: ivan@example.com",
    ],
)
async def test_senders_that_did_not_read_our_greeting_are_served(command: str) -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.greeted(listener)
        assert (await client.say(command)).startswith("250")
        assert (await client.say("RCPT TO:<info@shop.example> NOTIFY=SUCCESS,FAILURE")).startswith("250")
        assert (await client.say("DATA")).startswith("354")
        client.send(LETTER + b".\r\n")
        assert (await client.answer()).startswith("250")
        await client.leave()
    str(sink.items[0].meta["mail_from"]).encode("utf-8")


@pytest.mark.parametrize("address", ["<", '"', "<@>", "<a@>", "<(>"])
async def test_malformed_address_is_a_permanent_error_of_the_sender(address: str) -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.greeted(listener)
        assert (await client.say(f"MAIL FROM:{address}")).startswith("553")
        await client.leave()


async def test_authentication_is_not_offered() -> None:
    async with listening(RecordingSink()) as listener:
        client = await Client.connect(listener)
        await client.answer()
        client.send(b"EHLO x\r\n")
        extensions = [await client.reader.readline() for _ in range(5)]
        assert not [line for line in extensions if b"AUTH" in line]
        assert b"250 HELP\r\n" in extensions
        assert (await client.say("AUTH LOGIN")).startswith("502")
        await client.leave()


async def test_commands_may_come_in_one_packet() -> None:
    sink = RecordingSink()
    async with listening(sink) as listener:
        client = await Client.connect(listener)
        client.send(
            b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<info@shop.example>\r\nDATA\r\n"
            + LETTER
            + b".\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<info@shop.example>\r\nDATA\r\nother\r\n.\r\nQUIT\r\n"
        )
        talk = (await client.reader.read()).decode().splitlines()
        assert talk[-1] == "221 Bye"
        assert [line for line in talk if line.startswith("250 2.0.0")] == [
            "250 2.0.0 OK interaction-1",
            "250 2.0.0 OK interaction-2",
        ]
        await client.leave()
    assert [item.raw for item in sink.items] == [LETTER, b"other\r\n"]


async def test_a_taken_port_is_named_with_the_way_out() -> None:
    async with listening(RecordingSink()) as first:
        second = SmtpListener(SmtpSettings(listen=f"127.0.0.1:{first.port}"), RecordingSink(), ManualClock())
        with pytest.raises(ConfigError, match=rf"port {first.port} .* is taken .*Postfix.* \[smtp\] listen"):
            await second.start()
        await second.stop()
        assert not second.health()[0].ok


async def test_an_address_of_another_machine_is_named() -> None:
    listener = SmtpListener(
        SmtpSettings(listen="192.0.2.1:2525", recipients=("a@b.example",)), RecordingSink(), ManualClock()
    )
    with pytest.raises(ConfigError, match=r"can't listen on 192\.0\.2\.1:2525"):
        await listener.start()


def test_a_port_that_needs_rights_is_named() -> None:
    sentence = _why_not(PermissionError(errno.EACCES, "Permission denied"), "0.0.0.0:25", 25)
    assert "CAP_NET_BIND_SERVICE" in sentence


async def test_a_certificate_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "cert.pem"
    wrong.write_text("nonsense")
    for path in (wrong, tmp_path / "absent.pem"):
        listener = SmtpListener(SmtpSettings(listen="127.0.0.1:0", tls_cert=str(path)), RecordingSink(), ManualClock())
        with pytest.raises(ConfigError, match=rf"tls_cert = .*{path.name}"):
            await listener.start()


async def test_stop_lets_a_letter_become_durable_and_answers_it() -> None:
    sink = RecordingSink()
    sink.hang()
    async with listening(sink) as listener:
        client, idle = await Client.greeted(listener), await Client.greeted(listener)
        await client.begin()
        client.send(LETTER + b".\r\n")
        await sink.entered.wait()
        stopping = asyncio.ensure_future(listener.stop())
        await asyncio.sleep(0)
        sink.open.set()
        await stopping
        assert await client.answer() == "250 2.0.0 OK interaction-1"
        assert (await idle.answer()).startswith("421 4.3.2")
        assert await idle.closed()
        await client.leave()
        await idle.leave()
    await eventually(lambda: listener._door.connections_inside == 0)
