"""Letters as they are sent: right headers, the same bytes at every try, nothing of a stranger's in the wrong place."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outgoing.compose import (
    Composed,
    compose,
    for_envelope,
    message_id_of,
    reply_subject,
    safe_file_name,
    thread_id_of,
    token_in,
)
from gateway.outgoing.queue import OutgoingFile
from gateway.outgoing.settings import SenderSettings

TOKEN = "0123456789abcdef" * 2
SENDER = SenderSettings(name="s", host="smtp.shop.example", address="sales@shop.example", display_name='"Шоп", Ltd <x>')


def composed(purpose: str = "answer", files: tuple[OutgoingFile, ...] = (), **changed: Any) -> bytes:
    payload: dict[str, Any] = {"to": ["ivan@example.com"], "subject": "Re: Насос", "text": "Да.", "html": None}
    letter = Composed(
        id="1",
        token=TOKEN,
        purpose=purpose,
        payload=payload | changed,
        message_id=message_id_of(TOKEN, SENDER.domain),
        created_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        files=files,
    )
    return compose(letter, SENDER)


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def test_a_letter_is_the_same_bytes_at_every_try() -> None:
    file = OutgoingFile(name="a.pdf", content_type="application/pdf", content=b"%PDF")
    assert composed(files=(file,), html="<p>Да.</p>") == composed(files=(file,), html="<p>Да.</p>")


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=300))
def test_any_text_arrives_as_seven_bit_lines_that_smtp_can_carry(text: str) -> None:
    raw = composed(text=text)
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


@pytest.mark.parametrize(
    "subject", ["x\r\nBcc: all@example.com", "x\nX-Evil: 1", "x\u2028y", "\x00\x1b[31m", "т" * 500]
)
def test_nobody_writes_headers_by_way_of_a_subject_or_a_name(subject: str) -> None:
    message = read(composed(subject=subject))
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert "\n" not in message["Subject"]
    assert message["To"] == "ivan@example.com"


def test_the_name_of_the_sender_is_quoted_as_it_must_be() -> None:
    (address,) = read(composed())["From"].addresses
    assert (address.display_name, address.addr_spec) == ('"Шоп", Ltd <x>', "sales@shop.example")


def test_the_thread_of_a_long_correspondence_keeps_its_newest_ids() -> None:
    message = read(composed(in_reply_to="last@x", references=[f"<{n}@x>" for n in range(100)]))
    ids = message["References"].split()
    assert (ids[0], ids[1], ids[-1]) == (thread_id_of(TOKEN, "shop.example"), "<71@x>", "<last@x>")
    assert message["In-Reply-To"] == "<last@x>"


@pytest.mark.parametrize(
    ("purpose", "submitted", "precedence"),
    [
        ("answer", None, None),
        ("document", None, None),
        ("acknowledgement", "auto-replied", "auto_reply"),
        ("notice", "auto-generated", "bulk"),
        ("summary", "auto-generated", "bulk"),
    ],
)
def test_what_a_machine_wrote_says_so(purpose: str, submitted: str | None, precedence: str | None) -> None:
    message = read(composed(purpose))
    assert (message["Auto-Submitted"], message["Precedence"], message["X-Leadgate"]) == (submitted, precedence, purpose)


@pytest.mark.parametrize(
    ("message_id", "token"),
    [
        (f"<{TOKEN}.leadgate@shop.example>", TOKEN),
        (f"{TOKEN}.leadgate@elsewhere.example", TOKEN),
        (f"<{TOKEN}.thread.leadgate@shop.example>", TOKEN),
        (f" <{TOKEN.upper()}.LEADGATE@SHOP.EXAMPLE>", TOKEN),
        (f"<x{TOKEN}.leadgate@shop.example>", None),
        (f"<{TOKEN}.other@shop.example>", None),
        ("<short.leadgate@shop.example>", None),
        ("", None),
    ],
)
def test_our_own_ids_are_known(message_id: str, token: str | None) -> None:
    assert token_in(message_id) == token


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Насос", "Re: Насос"), ("Re: x", "Re: x"), ("RE[2]: x", "RE[2]: x"), ("Отв: x", "Отв: x"), ("", ""), (None, "")],
)
def test_re_is_written_once(theirs: str | None, ours: str) -> None:
    assert reply_subject(theirs) == ours


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("смета.pdf", "смета.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.doc", "a.doc"),
        ('a"b\r\nc.txt', "a_b__c.txt"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("", "attachment"),
        ("...", "attachment"),
    ],
)
def test_names_of_files_can_not_lie(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@pytest.mark.parametrize("content_type", ["", "nonsense", "multipart/mixed", "message/rfc822", "text/plain\r\nX: 1"])
def test_a_file_of_a_strange_type_goes_as_plain_bytes(content_type: str) -> None:
    message = read(composed(files=(OutgoingFile(name="x", content_type=content_type, content=b"\x00\xff\r\n."),)))
    (file,) = message.iter_attachments()
    expected = "text/plain" if content_type.startswith("text/plain;") else "application/octet-stream"
    assert file.get_content_type() == expected
    assert file.get_payload(decode=True) == b"\x00\xff\r\n."


def test_domains_of_other_scripts_go_as_punycode_and_the_local_part_as_it_was() -> None:
    assert for_envelope("Ivan.P@Почта.рф") == "Ivan.P@xn--80a1acny.xn--p1ai"
