"""What becomes of letters that wait: sent once, tried again, given up, or of unknown fate."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from gateway.core.clock import new_id
from gateway.core.types import Channel
from gateway.outgoing.claims import claim
from gateway.outgoing.queue import Letter, OutgoingFile, put_letter
from gateway.outgoing.submission import Credentials
from gateway.storage.store import Store
from tests.integration.outgoing.office import Office, eventually, sender, senders
from tests.support.clock import MONDAY
from tests.support.patience import PATIENCE
from tests.support.submission import SubmissionServer


async def test_a_letter_is_sent_as_it_was_put(any_office: Office, server: SubmissionServer) -> None:
    office = any_office
    file = OutgoingFile(name="../счёт.pdf", content_type="application/pdf", content=b"%PDF-1.7")
    letter_id = await office.put(in_reply_to="<1@example.com>", references=("<0@example.com>",), attachments=(file,))
    async with office.open():
        row = await office.until("sent", letter_id)
    message = server.arrived[0].message
    assert (message["From"], message["To"]) == ("Магазин <sales@shop.example>", "ivan@example.com")
    assert (message["Subject"], message["In-Reply-To"]) == ("Re: Насос", "<1@example.com>")
    assert message["Message-ID"] == row.message_id
    assert message["References"].split()[1:] == ["<0@example.com>", "<1@example.com>"]
    assert parsedate_to_datetime(message["Date"]) == MONDAY
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Есть в наличии."
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("счёт.pdf", b"%PDF-1.7")
    assert "Auto-Submitted" not in message
    assert office.attempts(letter_id) == ["sent"]
    assert row.keep_until == MONDAY + timedelta(days=730)


async def test_the_sender_that_a_letter_names_sends_it(office: Office, server: SubmissionServer) -> None:
    letter_id = await office.put(mailbox="support")
    async with office.open():
        await office.until("sent", letter_id)
    assert server.arrived[0].mail_from == "support@shop.example"


async def test_the_same_key_twice_is_one_letter(office: Office, server: SubmissionServer) -> None:
    letter_id = await office.put("again")
    letter = Letter(to=("x@example.com",), subject="", text="", purpose="answer")
    again = await office.store.write(lambda c: put_letter(c, letter, key="again", at=MONDAY, new_id=new_id))
    assert again is None
    async with office.open():
        await office.until("sent", letter_id)
    assert len(server.arrived) == 1


async def test_a_letter_that_is_not_taken_now_is_tried_again_with_longer_and_longer_pauses(
    any_office: Office, server: SubmissionServer
) -> None:
    office = any_office
    server.data.extend(["451 greylisted", "421 busy"])
    letter_id = await office.put()
    async with office.open():
        for minutes in (1, 5):
            due = office.clock.now() + timedelta(minutes=minutes)
            await eventually(lambda due=due: office.row(letter_id).due_at == due)  # type: ignore[misc]
            assert office.row(letter_id).state == "waiting"
            office.clock.move(minutes * 60)
        row = await office.until("sent", letter_id)
    assert office.attempts(letter_id) == ["later", "later", "sent"]
    assert row.attempts == 3
    assert len(server.arrived) == 1


async def test_a_letter_that_is_refused_for_good_fails_with_the_servers_reason(
    office: Office, server: SubmissionServer
) -> None:
    server.rcpt.append("550 5.1.1 no such user here")
    letter_id = await office.put()
    async with office.open():
        row = await office.until("failed", letter_id)
    assert "no such user here" in row.reason
    assert office.sink.items == []


async def test_a_lost_answer_makes_a_letter_unknown_and_it_is_not_sent_twice(
    office: Office, server: SubmissionServer
) -> None:
    server.data.append("cut")
    letter_id = await office.put()
    async with office.open():
        row = await office.until("unknown", letter_id)
        await eventually(lambda: office.row(letter_id).recorded_at is not None)
        office.clock.move(30 * 86400)
        await asyncio.sleep(0.1)
    assert len(server.arrived) == 1
    assert "the whole letter was handed over" in row.reason
    assert office.attempts(letter_id) == ["unknown"]
    assert office.sink.items[0].meta["outgoing"]["doubtful"] is True


async def test_a_lost_answer_to_a_notice_is_sent_again_as_the_very_same_letter(
    office: Office, server: SubmissionServer
) -> None:
    server.data.append("cut")
    letter_id = await office.put(purpose="notice")
    async with office.open():
        await eventually(lambda: office.row(letter_id).state == "waiting" and office.attempts(letter_id) == ["unknown"])
        office.clock.move(60)
        await office.until("sent", letter_id)
    assert len({letter.raw for letter in server.arrived}) == 1
    assert len(server.arrived) == 2


async def test_a_process_that_died_while_sending_leaves_the_letter_unknown(
    any_office: Office, server: SubmissionServer
) -> None:
    office = any_office
    answer, notice = await office.put("1"), await office.put("2", purpose="notice")
    await office.store.write(lambda c: claim(c, office.senders, office.clock.now(), 10, ()))
    assert office.row(answer).state == "sending"
    async with office.open():
        await office.until("sent", notice)
        row = await office.until("unknown", answer)
    assert "stopped while it was being sent" in row.reason
    assert [letter.message["X-Leadgate"] for letter in server.arrived] == ["notice"]
    assert office.attempts(notice) == [None, "sent"]


async def test_a_stop_waits_for_what_is_under_way_and_cuts_what_hangs(office: Office, server: SubmissionServer) -> None:
    server.data.append("hang")
    letter_id = await office.put()
    async with office.open():
        await eventually(lambda: len(server.arrived) == 1)
    assert office.row(letter_id).state == "unknown"


async def test_a_wrong_password_holds_the_letters_of_this_sender_only(
    store: Store, server: SubmissionServer, caplog: pytest.LogCaptureFixture
) -> None:
    strict = await SubmissionServer(username="anna").start()
    office = Office(store, server, senders(sender(strict.port), sender(server.port, "support")))
    office.credentials = Credentials(username="anna", password="not-this-one")
    first, other = await office.put("1"), await office.put("2", mailbox="support")
    with caplog.at_level(logging.DEBUG):
        async with office.open() as worker:
            await eventually(lambda: office.attempts(first) == ["sender_at_fault"])
            health = {entry.name: entry for entry in worker.health()}
            later = await office.put("3", mailbox="support")
            office.clock.move(1)
            await asyncio.sleep(0.1)
            assert strict.sign_ins == 1  # providers lock accounts for less
            strict.password = "not-this-one"  # mended
            office.clock.move(301)
            await office.until("sent", first)
    assert health["sender:sales"].state == "refused"
    assert "anna" in str(health["sender:sales"].detail)
    # support's server offers no signing in: also a fault of the settings, and its letters wait for the same reason
    assert {office.row(other).state, office.row(later).state} == {"waiting"}
    assert office.row(first).attempts == 1
    assert "not-this-one" not in caplog.text
    await strict.stop()


async def test_a_server_that_is_away_is_named_in_the_health_until_it_is_back(
    office: Office, server: SubmissionServer
) -> None:
    port = server.port
    await server.stop()
    letter_id = await office.put()
    async with office.open() as worker:
        await eventually(lambda: office.attempts(letter_id) == ["unreachable"])
        assert not worker.health()[0].ok
        server.port = port
        await server.start()
        office.clock.move(60)
        await office.until("sent", letter_id)
        assert worker.health()[0].ok


async def test_a_letter_without_any_sender_waits_and_says_why(store: Store, server: SubmissionServer) -> None:
    nobody = Office(store, server, senders())
    letter_id = await nobody.put()
    async with nobody.open():
        await eventually(lambda: nobody.row(letter_id).reason is not None)
    row = nobody.row(letter_id)
    assert (row.state, row.attempts) == ("waiting", 0)
    assert "there is no [[sender]]" in row.reason
    mended = Office(store, server, senders(sender(server.port)))
    mended.clock.move(3600)
    async with mended.open():
        await mended.until("sent", letter_id)


async def test_every_letter_to_a_customer_becomes_part_of_the_history_and_notices_do_not(
    office: Office, server: SubmissionServer
) -> None:
    answer, notice = await office.put("1"), await office.put("2", purpose="notice")
    async with office.open():
        await office.until("sent", notice)
        await eventually(lambda: office.row(answer).recorded_at is not None)
    (item,) = office.sink.items
    assert (item.connector, item.channel, item.source) == ("outgoing", Channel.MAIL, "sales")
    sent = next(letter for letter in server.arrived if letter.message["X-Leadgate"] == "answer")
    assert item.raw == sent.raw


async def test_a_history_that_takes_nothing_gets_the_letter_later_and_the_customer_gets_it_once(
    office: Office, server: SubmissionServer
) -> None:
    office.sink.refuse()
    letter_id = await office.put()
    async with office.open():
        await office.until("sent", letter_id)
        await eventually(lambda: office.sink.calls > 0)
    assert office.row(letter_id).recorded_at is None
    office.sink.error = None
    async with office.open():
        await eventually(lambda: office.row(letter_id).recorded_at is not None)
    assert len(server.arrived) == len(office.sink.items) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"to": ()}, "needs a recipient"),
        ({"to": ("nobody",)}, "is no mail address"),
        ({"to": ("иван@example.com",)}, "outside ASCII"),
        ({"to": tuple(f"{n}@example.com" for n in range(101))}, "at most 100"),
        ({"attachments": (OutgoingFile(name="x", content_type="", content=bytes(26 << 20)),)}, "26 MB"),
    ],
)
async def test_a_letter_that_can_not_be_sent_is_refused_at_once(
    office: Office, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await office.put(**changed)


async def test_a_stop_does_not_wait_for_a_server_that_says_nothing_and_the_letter_waits(store: Store) -> None:
    gone = asyncio.Event()

    async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to its end: the other side has left
        writer.close()
        gone.set()

    silent = await asyncio.start_server(hush, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    office = Office(store, SubmissionServer(), senders(sender(port)))
    letter_id = await office.put()
    began = time.monotonic()
    async with office.open():
        await eventually(lambda: office.row(letter_id).state == "sending")
    assert time.monotonic() - began < PATIENCE / 2, "it waited for the server"
    assert office.row(letter_id).state == "waiting"  # nothing was handed over, so it is surely not there
    await asyncio.wait_for(gone.wait(), PATIENCE)
    silent.close()
    await silent.wait_closed()
