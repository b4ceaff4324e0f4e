"""The whole gateway on a real mailbox: letters become leads, answers join them, and no way of coming makes a copy."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.app.checkup import mailbox as examine
from gateway.app.fetching import LetterFetcher
from gateway.app.gateway import Gateway
from gateway.config.settings import Settings
from gateway.core.clock import SystemClock, new_id
from gateway.core.errors import NotFound, NotPossible
from gateway.core.findings import Level
from gateway.storage.tables import Audit, Interaction, Journal, Lead, Sighting
from gateway.views.interactions import interactions_by_id
from tests.peers.dovecot import PASSWORD, DovecotServer
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK, free_ports

pytestmark = pytest.mark.peer("dovecot")

QUESTION = (
    b"From: Ivan <ivan@example.org>\r\nTo: sales@company.example\r\nSubject: Price\r\nMessage-ID: <1@example.org>\r\n"
    b"Date: Sun, 22 Nov 2026 08:00:00 +0300\r\n\r\nHow much is it? My phone is +7 926 123-45-67\r\n"
)
ANSWER = (
    b"From: Anna <sales@company.example>\r\nTo: ivan@example.org\r\nSubject: Re: Price\r\nMessage-ID: <2@company>\r\n"
    b"In-Reply-To: <1@example.org>\r\nDate: Sun, 22 Nov 2026 08:30:00 +0300\r\n\r\nTen roubles\r\n"
)


@dataclass
class Office:
    """A gateway that reads the mailbox of ``user``, and how to start it again."""

    gateway: Gateway
    config: Path
    data: Path
    user: str
    smtp: int
    dovecot: DovecotServer

    async def restart(self) -> None:
        """Stop it and start another on the same data."""
        await self.gateway.stop()
        self.gateway = make(self.config, self.data)
        await self.gateway.start()

    def rows(self, *columns: Any) -> Sequence[Any]:
        """Of one table, in the order of their coming."""
        return self.gateway.store.peek(lambda c: c.execute(select(*columns).order_by(columns[0].class_.id)).all())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.02)


def make(config: Path, data: Path) -> Gateway:
    return Gateway(Settings.load(config, {}).with_data(str(data)), SystemClock(), new_id)


@pytest_asyncio.fixture
async def office(dovecot_server: DovecotServer, tmp_path: Path) -> AsyncIterator[Office]:
    user = f"sales-{dovecot_server.new_user()}@company.example"
    dovecot_server.maildir(user)
    dovecot_server.maildir(user, "Sent")
    web, smtp = free_ports(2)
    config = tmp_path / "leadgate.toml"
    config.write_text(
        f'[gateway]\nown_domains = ["company.example"]\n[web]\npublic = "{LOOPBACK}:{web}"\n'
        f'private = "{LOOPBACK}:{web}"\n[smtp]\nlisten = "{LOOPBACK}:{smtp}"\n'
        f'[[mailbox]]\nname = "sales"\nhost = "{LOOPBACK}"\nport = {dovecot_server.port}\nusername = "{user}"\n'
        f'password = "{PASSWORD}"\ntls = "none"\nsent_folder = "Sent"\npoll_seconds = 0.3\nsince = "all"\n'
        "max_size = 60000\n"
    )
    running = Office(make(config, tmp_path / "data"), config, tmp_path / "data", user, smtp, dovecot_server)
    await running.gateway.start()
    yield running
    await running.gateway.stop()


async def test_question_opens_a_lead_and_the_sent_answer_joins_it(office: Office) -> None:
    office.dovecot.deliver(office.user, QUESTION)
    await office.until(lambda: any(row.lead_id for row in office.rows(Interaction.lead_id)))
    office.dovecot.deliver(office.user, ANSWER, "Sent")
    await office.until(lambda: [row.phase for row in office.rows(Interaction.phase)] == ["ended", "ended"])
    question, answer = office.rows(
        Interaction.direction, Interaction.lead_id, Interaction.source_name, Interaction.subject
    )
    assert (question.direction, question.source_name, str(question.subject)) == ("inbound", "sales", "Price")
    assert (answer.direction, answer.lead_id) == ("outbound", question.lead_id)


async def test_same_letter_by_smtp_and_from_the_mailbox_is_one_interaction(office: Office) -> None:
    def send() -> None:
        with smtplib.SMTP(LOOPBACK, office.smtp, local_hostname="mx.example") as client:
            client.sendmail("ivan@example.org", ["sales@company.example"], QUESTION)

    await asyncio.to_thread(send)
    office.dovecot.deliver(office.user, b"Delivered-To: sales\r\nReceived: from mx\r\n" + QUESTION)
    await office.until(lambda: office.gateway.sink.figures.duplicates == 1)
    assert len(office.rows(Interaction.id)) == 1
    assert len(office.gateway.store.peek(lambda c: c.execute(select(Journal.id)).all())) == 1


async def test_letter_in_two_ways_is_one_lead_with_two_sightings(office: Office) -> None:
    def send() -> None:
        with smtplib.SMTP(LOOPBACK, office.smtp, local_hostname="mx.example") as client:
            client.sendmail("ivan@example.org", ["sales@company.example"], QUESTION)

    await asyncio.to_thread(send)
    office.dovecot.deliver(office.user, QUESTION)
    await office.until(lambda: len(office.rows(Sighting.id)) == 2)
    await office.until(lambda: any(row.lead_id for row in office.rows(Interaction.lead_id)))
    ((interaction_id,),) = office.rows(Interaction.id)
    shown = office.gateway.store.peek(lambda c: interactions_by_id(c, [interaction_id]))[interaction_id]
    assert {(seen.source, seen.place) for seen in shown.sightings} == {("smtp", ""), ("sales", "INBOX")}


async def test_answer_in_the_folder_of_sent_letters_is_an_outbound_letter_to_the_customer(office: Office) -> None:
    """What closes callbacks by an answer goes by this: outbound, with the customer's address."""
    office.dovecot.deliver(office.user, ANSWER, "Sent")
    await office.until(lambda: [row.phase for row in office.rows(Interaction.phase)] == ["ended"])
    ((direction, handles, details),) = office.rows(Interaction.direction, Interaction.handles, Interaction.details)
    assert direction == "outbound"
    assert handles == [{"kind": "email", "value": "ivan@example.org"}]
    assert details["in_reply_to"] == "1@example.org"


async def test_large_letter_is_fetched_when_somebody_wants_it(office: Office) -> None:
    large = QUESTION.replace(b"How much", b"x" * 60 + b"\r\n" + b"long line of a long letter\r\n" * 4000 + b"How much")
    office.dovecot.deliver(office.user, large)
    await office.until(lambda: [row.phase for row in office.rows(Interaction.phase)] == ["ended"])
    ((interaction_id, problems, text),) = office.rows(Interaction.id, Interaction.problems, Interaction.text)
    assert "too large" in problems[0]
    assert text == ""
    gateway = office.gateway
    fetcher = LetterFetcher(gateway.store, gateway.settings, SystemClock(), gateway.processing.kick)
    fetched = await fetcher.fetch(interaction_id, "console")
    assert fetched.size == len(large)
    await office.until(lambda: office.rows(Interaction.problems)[0].problems == [])
    ((text, lead_id),) = office.rows(Interaction.text, Interaction.lead_id)
    assert "How much is it?" in text
    assert lead_id is not None
    assert len(gateway.store.peek(lambda c: c.execute(select(Lead.id)).all())) == 1
    with pytest.raises(NotPossible, match="read whole already"):
        await fetcher.fetch(interaction_id, "console")
    with pytest.raises(NotFound):
        await fetcher.fetch("nothing", "console")
    ((action, detail),) = gateway.store.peek(
        lambda c: c.execute(select(Audit.action, Audit.detail).where(Audit.action == "letter.fetched")).all()
    )
    assert (action, detail["mailbox"]) == ("letter.fetched", "sales")


async def test_large_letter_is_found_after_new_numbers_and_in_another_folder_and_when_it_is_gone_that_is_said(
    office: Office,
) -> None:
    large = QUESTION + b"long line of a long letter\r\n" * 4000
    file = office.dovecot.deliver(office.user, large)
    await office.until(lambda: [row.phase for row in office.rows(Interaction.phase)] == ["ended"])
    ((interaction_id,),) = office.rows(Interaction.id)
    gateway = office.gateway
    await gateway.mailboxes[0].stop()
    for lying in file.parent.parent.glob("*/*.test*"):
        lying.unlink()
    fetcher = LetterFetcher(gateway.store, gateway.settings, SystemClock(), gateway.processing.kick)
    with pytest.raises(NotPossible, match="does not have the letter any more"):
        await fetcher.fetch(interaction_id, "console")
    office.dovecot.deliver(office.user, large, "Sent")  # somebody moved it
    assert (await fetcher.fetch(interaction_id, "console")).size == len(large)


async def test_after_a_restart_only_what_is_new_is_read(office: Office) -> None:
    office.dovecot.deliver(office.user, QUESTION)
    await office.until(lambda: len(office.rows(Interaction.id)) == 1)
    await office.restart()
    office.dovecot.deliver(office.user, QUESTION.replace(b"<1@", b"<3@"))
    await office.until(lambda: len(office.rows(Interaction.id)) == 2)
    figures = office.gateway.sink.figures
    assert (figures.stored, figures.duplicates) == (1, 0)


async def test_doctor_counts_what_the_server_has_and_what_is_stored(office: Office) -> None:
    office.dovecot.deliver(office.user, QUESTION)
    await office.until(lambda: len(office.rows(Interaction.id)) == 1)
    settings = office.gateway.settings
    findings = await examine(settings, settings.mailbox[0], SystemClock())
    assert [finding.level for finding in findings] == [Level.OK, Level.OK, Level.OK], findings
    assert "has 1 letter since" in str(findings[1].said)
    assert "Leadgate has all of them" in str(findings[1].said)


async def test_health_names_the_mailbox(office: Office) -> None:
    (mailbox,) = office.gateway.mailboxes
    await office.until(lambda: mailbox.health()[0].state == "idle")
    sources = {source.name: source for source in (await office.gateway.status.status()).sources}
    assert sources["imap:sales"].ok
    assert "INBOX: 0 letters on the server" in str(sources["imap:sales"].detail)
