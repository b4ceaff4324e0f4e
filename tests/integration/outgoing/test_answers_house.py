"""A manager's answer, end to end: sent in its thread, in the history once; what is answered to it finds its lead."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from quopri import decodestring

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update

from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.outgoing.queue import OutgoingFile
from gateway.outgoing.threads import settle_met
from gateway.storage.tables import Audit, ContactHandle, Lead, Manager
from tests.integration.outgoing.house import House, house, letter
from tests.integration.outgoing.office import eventually
from tests.support.clock import MONDAY
from tests.support.submission import SubmissionServer


@pytest_asyncio.fixture
async def shop(tmp_path: Path, server: SubmissionServer) -> AsyncIterator[House]:
    async with house(tmp_path, server, '[[form]]\nkey = "site"') as opened:
        yield opened


async def asked(shop: House) -> str:
    """A customer wrote; the lead."""
    await shop.receive(letter(References="<before@example.com>"))
    await eventually(lambda: len(shop.leads()) == 1)
    return str(shop.leads()[0].id)


async def test_an_answer_reaches_the_customer_in_his_thread_and_joins_the_history(shop: House) -> None:
    lead_id = await asked(shop)
    file = OutgoingFile(name="цены.txt", content_type="text/plain", content="насос 1000".encode())
    await shop.answer(lead_id, files=(file,), quote=True)
    _, sent = await shop.got(2)
    message = shop.server.arrived[0].message
    assert (message["To"], message["Subject"]) == ("ivan@example.com", "Re: Насос")
    assert message["In-Reply-To"] == "<1.ivan@example.com>"
    assert message["References"].split()[1:] == ["<before@example.com>", "<1.ivan@example.com>"]
    body = message.get_body(("plain",))
    assert body is not None
    lines = body.get_content().splitlines()
    assert [lines[0], lines[1], lines[3]] == ["Тысяча рублей.", "", "> Сколько стоит?"]
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} ivan@example\.com пишет:", lines[2])
    assert (sent.direction, sent.kind, sent.lead_id, sent.line) == (
        "outbound",
        "message",
        lead_id,
        "sales@shop.example",
    )
    assert sent.handles == [{"kind": "email", "value": "ivan@example.com"}]
    assert sent.attachments[0]["name"] == "цены.txt"
    assert sent.text.startswith("Тысяча рублей.")
    assert len(shop.leads()) == 1
    deeds = shop.gateway.store.peek(lambda c: c.execute(select(Audit.action, Audit.object_id)).all())
    assert ("letter.answered", lead_id) in [tuple(deed) for deed in deeds]


async def test_the_copy_in_the_sent_folder_is_only_a_second_sighting(shop: House) -> None:
    lead_id = await asked(shop)
    await shop.answer(lead_id)
    await shop.got(2)
    copy = b"Received: by provider.example\r\n" + shop.server.arrived[0].raw
    await shop.receive(copy, "sales@shop.example")
    head, _, body = copy.partition(b"\r\n\r\n")
    recoded = head.replace(b"quoted-printable", b"base64") + b"\r\n\r\n" + base64.encodebytes(decodestring(body))
    await shop.receive(recoded, "sales@shop.example")
    await shop.receive(letter(number=2, text="Ещё вопрос"))
    assert len(await shop.got(3)) == 3


async def test_the_same_key_twice_is_one_answer_and_another_text_under_it_is_refused(shop: House) -> None:
    lead_id = await asked(shop)
    first = await shop.answer(lead_id, key="k")
    second = await shop.answer(lead_id, key="k")
    assert (first.letter_id, first.repeated, second.letter_id, second.repeated) == (
        first.letter_id, False, first.letter_id, True,
    )  # fmt: skip
    with pytest.raises(Conflict):
        await shop.answer(lead_id, "Something else", key="k")
    await shop.got(2)
    assert len(shop.server.arrived) == 1


async def test_what_can_not_be_answered_says_why(shop: House) -> None:
    lead_id = await asked(shop)
    with pytest.raises(NotFound):
        await shop.answer("no-such-lead")
    with pytest.raises(NotPossible, match="no text"):
        await shop.answer(lead_id, "  \n")
    with pytest.raises(NotPossible, match="named 'nobody'"):
        await shop.answer(lead_id, sender="nobody")


async def test_an_answer_from_another_address_of_the_customer_joins_the_lead_and_his_history(shop: House) -> None:
    """zammad #799 and suitenumerique #765: In-Reply-To alone is enough, whatever the subject."""
    lead_id = await asked(shop)
    await shop.answer(lead_id)
    await shop.got(2)
    ours = shop.server.arrived[0].message["Message-ID"]
    await shop.receive(letter("boss@other.example", number=7, subject="совсем о другом", In_Reply_To=ours))
    first, _, third = await shop.got(3)
    assert (third.lead_id, third.contact_id) == (lead_id, first.contact_id)
    assert len(shop.leads()) == 1
    handles = shop.gateway.store.peek(lambda c: c.execute(select(ContactHandle.value)).scalars().all())
    assert list(handles) == ["ivan@example.com"]  # nothing proves that the other address is his


async def test_an_answer_to_a_letter_whose_id_was_changed_on_the_way_is_known_by_its_references(shop: House) -> None:
    """odoo #187574: providers write a Message-ID of their own."""
    lead_id = await asked(shop)
    await shop.answer(lead_id)
    await shop.got(2)
    references = shop.server.arrived[0].message["References"]
    await shop.receive(
        letter(
            "boss@other.example",
            number=7,
            In_Reply_To="<new-id@ses.example>",
            References=f"{references} <new-id@ses.example>",
        )
    )
    assert (await shop.got(3))[2].lead_id == lead_id


async def test_somebody_known_who_answers_our_letter_stays_himself_and_the_lead_gets_his_letter(shop: House) -> None:
    lead_id = await asked(shop)
    await shop.receive(letter("petr@example.org", number=2))
    await shop.got(2)
    await shop.answer(lead_id)
    await shop.got(3)
    ours = shop.server.arrived[0].message["Message-ID"]
    await shop.receive(letter("petr@example.org", number=3, In_Reply_To=ours))
    first, second, _, last = await shop.got(4)
    assert last.contact_id == second.contact_id != first.contact_id
    assert last.lead_id == lead_id


async def test_an_answer_after_the_lead_was_closed_opens_a_new_one(shop: House) -> None:
    lead_id = await asked(shop)
    await shop.answer(lead_id)
    await shop.got(2)
    await shop.gateway.store.write(lambda c: c.execute(update(Lead).where(Lead.id == lead_id).values(status="won")))
    ours = shop.server.arrived[0].message["Message-ID"]
    await shop.receive(letter(number=3, In_Reply_To=ours))
    last = (await shop.got(3))[2]
    assert last.lead_id not in (None, lead_id)


async def test_a_stranger_with_the_same_subject_joins_nothing(shop: House) -> None:
    """mailanalyzer #20 and munin #155: threads by subject merged what had nothing to do with each other."""
    lead_id = await asked(shop)
    await shop.answer(lead_id)
    await shop.got(2)
    subject = shop.server.arrived[0].message["Subject"]
    await shop.receive(letter("stranger@other.example", number=8, subject=subject, Thread_Topic=subject))
    last = (await shop.got(3))[2]
    assert last.lead_id not in (None, lead_id)


async def test_a_guessed_token_joins_nothing(shop: House) -> None:
    await asked(shop)
    await shop.receive(letter("thief@example.org", number=2, In_Reply_To=f"<{'0' * 32}.leadgate@shop.example>"))
    first, second = await shop.got(2)
    assert second.lead_id != first.lead_id


async def test_a_letter_of_unknown_fate_is_known_to_have_arrived_when_it_is_answered(shop: House) -> None:
    lead_id = await asked(shop)
    shop.server.data.append("cut")
    answered = await shop.answer(lead_id)
    _, sent = await shop.got(2)
    assert shop.outgoing(id=answered.letter_id)[0].state == "unknown"
    assert "did not say whether it took this letter" in sent.problems[0]
    ours = shop.server.arrived[0].message["Message-ID"]
    await shop.receive(letter(number=2, In_Reply_To=ours))
    await shop.got(3)
    assert shop.outgoing(id=answered.letter_id)[0].state == "sent"


async def test_a_letter_of_unknown_fate_was_sent_when_its_copy_lies_in_a_mailbox(shop: House) -> None:
    lead_id = await asked(shop)
    shop.server.data.append("cut")
    answered = await shop.answer(lead_id)
    _, sent = await shop.got(2)
    assert shop.outgoing(id=answered.letter_id)[0].state == "unknown"
    assert await shop.gateway.store.write(lambda c: settle_met(c, MONDAY)) == 0, "nobody has met it"
    await shop.receive(shop.server.arrived[0].raw, mail_from="sales@shop.example")
    assert await shop.gateway.store.write(lambda c: settle_met(c, MONDAY)) == 1
    (row,) = shop.outgoing(id=answered.letter_id)
    assert (row.state, row.reason) == ("sent", "it left: a copy of it was found")
    assert [one.id for one in await shop.got(2)] == [shop.interactions()[0].id, sent.id], "the copy is no second letter"


async def test_a_form_is_answered_by_mail_in_a_thread_of_its_own(shop: House) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{shop.gateway.web.public_address}/f/site"
        async with session.post(url, data={"name": "Иван", "email": "ivan@example.com"}) as response:
            assert response.status == 200
    await eventually(lambda: len(shop.leads()) == 1)
    await shop.answer(shop.leads()[0].id)
    await shop.got(2)
    message = shop.server.arrived[0].message
    assert (message["To"], message["In-Reply-To"]) == ("ivan@example.com", None)
    assert message["Subject"] == "Ваше обращение"
    await shop.receive(letter("boss@other.example", In_Reply_To=message["Message-ID"]))
    assert len({found.lead_id for found in await shop.got(3)}) == 1


BOUNCE = """\
From: MAILER-DAEMON@mx.example.com
To: sales@shop.example
Subject: {subject}
Message-ID: <bounce-{number}@mx.example.com>
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

The mail system could not deliver your message.
--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; ivan@example.com
Action: failed
--b
Content-Type: message/rfc822

From: sales@shop.example
Message-ID: {message_id}
Subject: Re: x

x
--b--
"""


async def employ(shop: House) -> str:
    """A manager without a mail address; the id."""
    row = {"id": "m1", "login": "anna", "name": "Анна", "role": "manager", "extensions": [], "created_at": MONDAY}
    await shop.gateway.store.write(lambda c: c.execute(insert(Manager).values(**row)))
    return "m1"


async def test_a_letter_that_comes_back_has_failed_and_its_writer_is_told(shop: House) -> None:
    lead_id = await asked(shop)
    manager = await employ(shop)
    answered = await shop.answer(lead_id, manager=manager)
    _, sent = await shop.got(2)
    assert sent.manager_id == manager
    ours = shop.server.arrived[0].message["Message-ID"]
    delay = BOUNCE.format(subject="Warning: message delayed", number=1, message_id=ours)
    await shop.receive(delay.encode(), "")
    await shop.got(3)
    assert shop.outgoing(id=answered.letter_id)[0].state == "sent"
    await shop.receive(BOUNCE.format(subject="Undelivered Mail Returned", number=2, message_id=ours).encode(), "")
    bounce = (await shop.got(4))[3]
    assert (bounce.kind, bounce.lead_id, bounce.contact_id) == ("bounce", lead_id, sent.contact_id)
    (letter_row,) = shop.outgoing(id=answered.letter_id)
    assert (letter_row.state, letter_row.reason) == ("failed", "returned by a mail server: Undelivered Mail Returned")
    (notice,) = shop.outgoing(way="notice")
    assert notice.payload["subject"] == "Ваше письмо на ivan@example.com не доставлено"
    assert notice.payload["link"] == f"/leads/{lead_id}"


async def test_the_writer_of_a_letter_that_is_refused_is_told(shop: House) -> None:
    lead_id = await asked(shop)
    shop.server.rcpt.append("550 5.1.1 no such user")
    await shop.answer(lead_id, manager=await employ(shop))
    await eventually(lambda: len(shop.outgoing(way="notice")) == 1)
    (notice,) = shop.outgoing(way="notice")
    assert "no such user" in notice.payload["text"]
    assert notice.manager_id == "m1"
