"""The adapter ``email``: letters to a real socket, with and without TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from crm_adapter.base import Context, CrmAdapter, CrmError, Misconfigured, Rejected, Throttled, Unavailable, Unknown
from crm_adapter.email import build, refusals
from crm_adapter.email.letter import letter
from crm_adapter.email.settings import parse
from crm_adapter.options import BadOption
from crm_adapter.said import Said
from crm_adapter.testing import AdapterContract, FarSide, Fault, error_of, make_event
from crm_adapter.testkit import events
from crm_adapter.testkit.fakecrm import FakeCrm, Trouble
from tests.support.certificates import make_certificate
from tests.support.fakecrm.mailserver import PASSWORD, USER, FakeMailServer, document_of
from tests.support.submission import SubmissionServer

TO_WHOM = {"from": "leadgate@example.com", "to": ["sales@example.com", "chief@example.com"]}
PRIVATE = Context(name="test", allow_private=True)


def options(fake: FakeCrm) -> dict[str, Any]:
    """All events, each with its JSON, to the fake server."""
    assert isinstance(fake, FakeMailServer)
    server = {"host": "127.0.0.1", "port": fake.port, "tls": "none", "username": USER, "password": PASSWORD}
    return {**server, **TO_WHOM, "send": ["*"], "attach_event": True}


class MailSide:
    """The server and the adapter."""

    secrets: Sequence[str] = (PASSWORD,)

    def __init__(self, fake: FakeMailServer) -> None:
        self.fake = fake
        self.adapter: CrmAdapter = build({**options(fake), "timeout": 1.5}, PRIVATE)

    def next(self, faults: Iterable[Fault]) -> None:
        names: Mapping[Fault, list[Trouble | None]] = {
            Fault.UNAVAILABLE: [None, None, None, None, Trouble.BUSY],
            Fault.THROTTLED: [None, None, None, None, Trouble.THROTTLED],
            Fault.REJECTED: [None, None, None, None, Trouble.REFUSED],
            Fault.UNAUTHORISED: [Trouble.FORBIDDEN],
            Fault.LOST_REPLY: [None, None, None, None, Trouble.LOST],
            Fault.HANGS: [None, None, None, None, Trouble.HANGS],
        }  # AUTH, MAIL, two times RCPT, and the letter
        self.fake.next(trouble for fault in faults for trouble in names[fault])

    def records(self) -> Sequence[Mapping[str, Any]]:
        return [{name: one[name] for name in ("message_id", "type", "data")} for one in self.fake.documents()]


@pytest_asyncio.fixture
async def side() -> AsyncIterator[MailSide]:
    """A server that listens, and the adapter."""
    fake = FakeMailServer()
    await fake.start()
    yield MailSide(fake)
    await fake.stop()


class TestEmail(AdapterContract):
    """The contract; the mailbox shows each Message-ID once."""

    @pytest.fixture
    def far_side(self, side: MailSide) -> MailSide:
        return side

    async def test_a_crm_that_asks_for_patience_is_throttled_with_its_seconds(self, far_side: FarSide) -> None:
        """SMTP has no way to say for how long."""
        far_side.next([Fault.THROTTLED])
        error = await error_of(far_side.adapter, make_event())
        assert isinstance(error, Throttled)
        assert "Too many messages" in str(error)
        assert error.retry_after == 300

    async def test_a_repeat_has_the_same_message_id(self, side: MailSide) -> None:
        side.next([Fault.LOST_REPLY])
        assert type(await error_of(side.adapter, make_event())) is Unknown
        await side.adapter.push(make_event(attempt=2))
        first, second = side.fake.arrived
        assert first["Message-ID"] == second["Message-ID"] == f"<{make_event().message_id}@example.com>"
        assert first["Date"] == second["Date"]

    @pytest.mark.parametrize(
        ("troubles", "kind", "words"),
        [
            ([Trouble.EXPIRED], Unavailable, "Temporary authentication"),
            ([Trouble.FORBIDDEN], Misconfigured, "refuses the user name"),
            ([None, Trouble.REFUSED], Misconfigured, "does not take the sender"),
            ([None, None, None, Trouble.REFUSED], Misconfigured, "chief@example.com"),
            ([None, None, Trouble.BUSY], Unavailable, "451"),
            ([None, None, None, None, Trouble.REFUSED], Rejected, "phone is too long"),
            ([None, None, None, None, Trouble.BROKEN], Unavailable, "421"),
            ([None, None, None, None, Trouble.TIMES_OUT], Unknown, "may have taken"),
            ([None, None, None, None, Trouble.CUT], Unknown, "may have taken"),
            ([Trouble.CUT], Unavailable, "closed the connection within"),
            ([None, Trouble.LOST], Unavailable, "closed the connection"),
        ],
    )
    async def test_each_answer_of_the_server_has_its_meaning(
        self, side: MailSide, troubles: list[Trouble | None], kind: type[Exception], words: str
    ) -> None:
        side.fake.next(troubles)
        error = await error_of(side.adapter, make_event())
        assert type(error) is kind
        assert words in str(error)

    async def test_one_address_that_waits_makes_the_letter_wait_for_all(self, side: MailSide) -> None:
        side.fake.next([None, None, None, Trouble.BUSY])
        await error_of(side.adapter, make_event())
        assert not side.fake.arrived


async def test_by_default_only_new_leads_and_missed_calls_make_letters() -> None:
    fake = FakeMailServer()
    await fake.start()
    given = {key: value for key, value in options(fake).items() if key not in ("send", "attach_event")}
    adapter = build({**given, "timeout": 2}, Context(name="test", allow_private=True, language="ru"))
    for event in events.story(1):
        await adapter.push(event)
    await fake.stop()
    lead, missed = fake.arrived
    assert lead["Subject"] == "Новый лид: Заявка 1"
    assert lead["Reply-To"] == "ivan1@example.com"
    assert lead["Auto-Submitted"] == "auto-generated"
    assert lead["To"] == "sales@example.com, chief@example.com"
    text = lead.get_content()
    assert "Телефон: +79260000001" in text
    assert "кухня 3 метра" in text
    assert "utm_campaign: kitchens" in text
    assert missed["Subject"] == "Пропущенный звонок: Иван 1 Петров"
    assert missed["X-Leadgate-Event"] == "call.missed"
    assert "Линия: +74950000101" in missed.get_content()
    assert "Нет ответа: никто не взял трубку" in missed.get_content()


async def test_a_withheld_number_is_said() -> None:
    settings = parse({"host": "mail.example.com", **TO_WHOM}, Context(name="test"))
    call = {**events.call(1, answered=False), "contact": None}
    call["details"] = {**call["details"], "caller": None}
    text = letter(events.event("call.finished", call), settings, "en").decode()
    assert "Subject: Missed call: withheld number" in text


@pytest.mark.parametrize(
    "subject", ["x\r\nBcc: all@example.com", "x\nX: y", "\ud800", "я" * 5000, "", "=?utf-8?B?eA==?=", "\x00"]
)
async def test_no_subject_of_a_stranger_adds_a_header_or_breaks_the_letter(subject: str) -> None:
    settings = parse({"host": "mail.example.com", **TO_WHOM, "attach_event": True}, Context(name="test"))
    lead = {**events.lead(1), "subject": subject, "text": "\r\n.\r\nMAIL FROM:<x@y>"}
    lead["contact"] = {**lead["contact"], "emails": ["a@b\r\nBcc: c@d", "x y@example.com"], "name": subject}
    content = letter(events.event("lead.created", lead), settings, "en")
    found: EmailMessage = message_from_bytes(content, policy=default)
    assert found["Bcc"] is None
    assert found["X"] is None
    assert found["Reply-To"] is None
    assert not found.defects
    assert b"\r\n.\r\n" not in content
    assert document_of(found)["data"]["text"] == lead["text"]


# -- over TLS -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_the_certificate_is_verified(tls: str, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    server = SubmissionServer(username="u", tls=certificate.server_context(), implicit=tls == "implicit")
    await server.start()
    given = {"host": "localhost", "port": server.port, "tls": tls, "username": "u", "password": "secret", "timeout": 2}
    try:
        adapter = build({**given, **TO_WHOM, "ca_file": certificate.cert}, PRIVATE)
        assert "lets us in" in await adapter.check()
        await adapter.push(make_event())
        error = await error_of(build({**given, **TO_WHOM}, PRIVATE), make_event(2))
    finally:
        await server.stop()
    assert isinstance(error, Misconfigured)
    assert "certificate" in str(error)
    (arrived,) = server.arrived
    assert arrived.signed_in_as == "u"
    assert arrived.rcpt_to == ("sales@example.com", "chief@example.com")


async def test_a_certificate_for_another_name_and_one_nobody_knows_are_told_apart(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    server = await SubmissionServer(tls=certificate.server_context(), implicit=True).start()
    given = {"port": server.port, "tls": "implicit", "timeout": 30, **TO_WHOM}
    try:
        known = build({**given, "host": "127.0.0.1", "ca_file": certificate.cert}, PRIVATE)
        other_name = await error_of(known, make_event())
        unknown = await error_of(build({**given, "host": "localhost"}, PRIVATE), make_event())
    finally:
        await server.stop()
    assert "made out to another name" in str(other_name)
    assert "signed by itself" in str(unknown)
    assert not server.arrived


async def test_another_authority_in_the_file_is_noticed_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    certificate, old = make_certificate(tmp_path), make_certificate(tmp_path / "old")
    server = await SubmissionServer(tls=certificate.server_context()).start()
    trusted = tmp_path / "ca.pem"
    trusted.write_text(Path(old.cert).read_text())
    given = {"host": "localhost", "port": server.port, "timeout": 30, **TO_WHOM}
    adapter = build({**given, "ca_file": str(trusted)}, PRIVATE)
    try:
        assert isinstance(await error_of(adapter, make_event()), Misconfigured)
        trusted.write_text(Path(certificate.cert).read_text())
        await adapter.push(make_event(attempt=2))
    finally:
        await server.stop()
    assert len(server.arrived) == 1


async def test_authorities_are_read_once_for_many_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them takes longer than sending a letter; without encryption they are not read at all."""
    certificate = make_certificate(tmp_path)
    server = await SubmissionServer(tls=certificate.server_context()).start()
    read: list[str | None] = []
    make = ssl.create_default_context

    def counted(*, cafile: str | None) -> ssl.SSLContext:
        read.append(cafile)
        return make(cafile=cafile)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    given = {"host": "localhost", "port": server.port, "timeout": 30, **TO_WHOM}
    adapter = build({**given, "ca_file": certificate.cert}, PRIVATE)
    plain = FakeMailServer()
    await plain.start()
    try:
        await asyncio.gather(*(adapter.push(make_event(number)) for number in range(1, 6)))
        await build(options(plain), PRIVATE).push(make_event())
    finally:
        await server.stop()
        await plain.stop()
    assert read == [certificate.cert]


@pytest.mark.parametrize("content", ["", "no certificate", None])
async def test_a_ca_file_that_can_not_be_used_is_named(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = await error_of(build({"host": "localhost", **TO_WHOM, "ca_file": str(path)}, PRIVATE), make_event())
    assert isinstance(error, Misconfigured)
    assert "ca_file can't be read" in str(error)


async def test_tls_from_the_start_at_a_port_that_speaks_none_is_said_with_the_way_out() -> None:
    server = await SubmissionServer().start()
    try:
        given = {"host": "localhost", "port": server.port, "tls": "implicit", "timeout": 30, **TO_WHOM}
        error = await error_of(build(given, PRIVATE), make_event())
    finally:
        await server.stop()
    assert isinstance(error, Misconfigured)
    assert "set tls to starttls with port 587" in str(error)


SETTINGS = parse({"host": "mail.example.com", **TO_WHOM, "port": 465}, Context(name="test"))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            refusals.sender(SETTINGS, (530, b"5.7.0 Must issue a STARTTLS first")),
            Misconfigured,
            "sign in first",
        ),
        (refusals.sender(SETTINGS, (553, b"5.7.1 not owned by user")), Misconfigured, "from must be an address"),
        (refusals.recipient(SETTINGS, "a@b", (550, b"5.1.1 unknown")), Misconfigured, "the address a@b: 550"),
        (refusals.recipient(SETTINGS, "a@b", (554, b"5.7.1 Relay access denied")), Misconfigured, "set username"),
        (refusals.recipient(SETTINGS, "a@b", (530, b"5.7.0 Sign in")), Misconfigured, "sign in first"),
        (refusals.letter(SETTINGS, (552, b"5.3.4 too big")), Rejected, "too big for mail.example.com"),
        (refusals.letter(SETTINGS, (554, b"5.7.1 Spam")), Rejected, "does not take this letter: 554 5.7.1 Spam"),
        (refusals.sign_in(SETTINGS, (534, b"5.7.9 Application-specific password required")), Misconfigured, "app pass"),
        (refusals.sign_in(SETTINGS, (535, b"5.7.139 SmtpClientAuthentication is disabled")), Misconfigured, "switched"),
        (refusals.sign_in(SETTINGS, (454, b"4.7.0 later")), Unavailable, "can't sign us in now"),
        (refusals.not_opened(SETTINGS, TimeoutError()), Misconfigured, "silent at port 465"),
        (refusals.not_opened(SETTINGS, socket.gaierror()), Unavailable, "not known to the name servers"),
    ],
)
def test_each_refusal_says_whose_it_is_and_the_way_out(error: CrmError, kind: type[CrmError], words: str) -> None:
    assert type(error) is kind
    assert words in str(error)
    assert isinstance(error.args[0], Said), "pages and consoles say it in their reader's language"


async def test_a_server_without_starttls_gets_neither_password_nor_letter() -> None:
    fake = FakeMailServer()
    await fake.start()
    adapter = build({**options(fake), "tls": "starttls", "timeout": 1}, PRIVATE)
    error = await error_of(adapter, make_event())
    await fake.stop()
    assert isinstance(error, Misconfigured)
    assert "no STARTTLS" in str(error)
    assert {asked.method for asked in fake.asked} <= {"EHLO", "NOOP"}


async def test_a_public_name_that_leads_into_our_own_network_is_refused() -> None:
    fake = FakeMailServer()
    await fake.start()
    adapter = build({"host": "localhost", "port": fake.port, **TO_WHOM, "timeout": 1}, Context(name="test"))
    error = await error_of(adapter, make_event())
    await fake.stop()
    assert isinstance(error, Misconfigured)
    assert "allow_private" in str(error)
    assert not fake.asked


async def test_a_port_where_nobody_listens_is_unavailable(unused_tcp_port: int) -> None:
    given = {"host": "127.0.0.1", "port": unused_tcp_port, "tls": "none", **TO_WHOM}
    error = await error_of(build(given, PRIVATE), make_event())
    assert type(error) is Unavailable
    assert "can't be reached" in str(error)


async def test_a_greeting_that_refuses_us_is_said() -> None:
    server = await SubmissionServer(greeting="554 5.3.2 no service here").start()
    given = {"host": "127.0.0.1", "port": server.port, "tls": "none", **TO_WHOM}
    error = await error_of(build(given, PRIVATE), make_event())
    await server.stop()
    await asyncio.sleep(0)
    assert "no service here" in str(error)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"host": "mail.example.com", "from": "x@example.com"}, "to is missing"),
        ({"host": "mail.example.com", "from": "x", "to": "y@example.com"}, "from must be of mail addresses"),
        ({"host": "mail.example.com", "from": "x@y.z", "to": ["a@b\r\nc"]}, "to must be of mail addresses"),
        ({"host": "mail.example.com", **TO_WHOM, "tls": "none"}, "read on the way"),
        ({"host": "mail.example.com", **TO_WHOM, "tls": "ssl"}, "one of starttls, implicit"),
        ({"host": "mail.example.com", **TO_WHOM, "username": "u"}, "password is missing"),
        ({"host": "mail.example.com", **TO_WHOM, "send": ["lead.made"]}, "which no event has"),
        ({"host": "mail.example.com", **TO_WHOM, "port": 0}, "port must be"),
    ],
)
def test_bad_settings_are_refused_with_the_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        build(given, Context(name="test"))
