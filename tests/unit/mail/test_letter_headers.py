"""Addresses, dates, ids and broken headers."""

from __future__ import annotations

import pytest

from gateway.mail.parse import Mailbox, parse_addresses
from gateway.mail.parse.dates import parse_date
from gateway.mail.parse.headers import split_headers
from gateway.mail.parse.letter import message_id
from tests.unit.mail.letters import NOW, letter_bytes, read


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@b.ru", [("", "a@b.ru")]),
        ("Иван <a@b.ru>", [("Иван", "a@b.ru")]),
        ('"Иванов, Иван" <a@b.ru>, c@d.ru', [("Иванов, Иван", "a@b.ru"), ("", "c@d.ru")]),
        ("=?utf-8?b?0JjQstCw0L0=?= <a@b.ru>", [("Иван", "a@b.ru")]),
        ('"=?utf-8?b?0JjQstCw0L0=?=" <a@b.ru>', [("Иван", "a@b.ru")]),
        ("=?utf-8?b?0JjQstCw0L3QvtCyLCDQmNCy0LDQvQ==?= <a@b.ru>", [("Иванов, Иван", "a@b.ru")]),
        ("a@b.ru (Иван)", [("Иван", "a@b.ru")]),
        ("A <a@b.ru>; B <c@d.ru>", [("A", "a@b.ru"), ("B", "c@d.ru")]),
        ("Sales: a@b.ru, B <c@d.ru>;", [("", "a@b.ru"), ("B", "c@d.ru")]),
        ("undisclosed-recipients:;", []),
        ("Name <a@b.ru", [("Name", "a@b.ru")]),
        ("'Quoted' <a@b.ru>", [("Quoted", "a@b.ru")]),
        ("ivan@пример.рф", [("", "ivan@пример.рф")]),
        ("a@b.ru, , nonsense, <c@d.ru>", [("", "a@b.ru"), ("", "c@d.ru")]),
        ("", []),
        ("<>", []),
        ("(((((", []),
        ('"' * 5000, []),
    ],
)
def test_addresses_are_read_as_people_write_them(value: str, expected: list[tuple[str, str]]) -> None:
    assert parse_addresses(value) == tuple(Mailbox(name, email) for name, email in expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 5 Oct 2026 10:00:00 +0300", "2026-10-05T07:00:00+00:00"),
        ("5 Oct 2026 10:00:00 GMT", "2026-10-05T10:00:00+00:00"),
        ("Mon, 5 Oct 2026 10:00:00 +0300 (MSK)", "2026-10-05T07:00:00+00:00"),
        ("Mon, 05 Oct 26 10:00 EST", "2026-10-05T15:00:00+00:00"),
        ("2026-10-05 10:00:00+03:00", "2026-10-05T07:00:00+00:00"),
        ("Sun, 5 Oct 2026 10:00:00 +0000", "2026-10-05T10:00:00+00:00"),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("Mon, 32 Oct 2026 10:00:00 +0300", None),
        ("Thu, 01 Jan 1970 00:00:00 +0000", None),
        ("Mon, 5 Oct 1903 10:00:00 +0300", None),
        ("Mon, 5 Oct 2099 10:00:00 +0300", None),
        ("Fri, 30 Jun 3609 09:33:50 +0000", None),
        ("(" * 190, None),
    ],
)
def test_dates_are_utc_and_absurd_ones_are_none(value: str | None, expected: str | None) -> None:
    moment = parse_date(value, NOW)
    assert (moment.isoformat() if moment else None) == expected


def test_an_absurd_date_is_named() -> None:
    assert read(letter_bytes("x", date="tomorrow")).problems == ("The date can't be right: 'tomorrow'.",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("<a@b>", "a@b"), ("  < a@b > ", "a@b"), ("a@b", "a@b"), ("<a@b> (comment)", "a@b"), ("", None), (None, None)],
)
def test_message_ids_have_no_brackets(value: str | None, expected: str | None) -> None:
    assert message_id(value) == expected


def test_references_keep_their_order_and_the_last_ones() -> None:
    many = " ".join(f"<{number}@x>" for number in range(300))
    letter = read(letter_bytes("x", references=f"<a@b>\r\n <a@b> {many}", in_reply_to="<299@x>"))
    assert letter.references[-1] == "299@x"
    assert len(letter.references) == 200
    assert letter.in_reply_to == "299@x"


def test_a_folded_subject_is_one_line() -> None:
    assert read(letter_bytes("x", subject="one\r\n two\r\n\tthree")).subject == "one two three"


def test_control_characters_leave_the_subject() -> None:
    assert read(letter_bytes("x", subject="a\0b =?utf-8?q?c=0Ad=00?=")).subject == "ab c d"


def test_a_letter_without_from_is_read_and_says_so() -> None:
    letter = read(b"To: a@b.ru\r\nSubject: hi\r\n\r\ntext")
    assert (letter.from_, letter.subject, letter.text) == (None, "hi", "text")
    assert letter.problems == ("The letter has no From.",)


def test_a_from_without_an_address_keeps_the_name() -> None:
    letter = read(letter_bytes("x", **{"from": "Mail Delivery System"}))
    assert letter.from_ == Mailbox("Mail Delivery System", "")
    assert "From has no mail address." in letter.problems


def test_text_without_any_header_is_a_letter() -> None:
    letter = read("Просто текст, без заголовков\n".encode())
    assert letter.text.strip() == "Просто текст, без заголовков"
    assert "The letter has no headers." in letter.problems


def test_nothing_at_all_is_a_letter() -> None:
    assert read(b"").text == ""


def test_empty_lines_and_an_mbox_line_before_the_headers_are_skipped() -> None:
    assert read(b"  \r\n\r\nFrom: a@b.ru\r\nSubject: s\r\n\r\nt").subject == "s"
    assert read(b"From a@b.ru Mon Jan  1 00:00:00 2026\r\nFrom: a@b.ru\r\nSubject: s\r\n\r\nt").subject == "s"


def test_a_stray_line_among_the_headers_does_not_end_them() -> None:
    letter = read(b"From: a@b.ru\r\nTo: c@d.ru,\r\ne@f.ru\r\nSubject: s\r\n\r\nt")
    assert [box.email for box in letter.to] == ["c@d.ru", "e@f.ru"]
    assert (letter.subject, letter.text) == ("s", "t")
    assert any("no header" in problem for problem in letter.problems)


def test_a_missing_empty_line_after_the_headers_loses_no_text() -> None:
    assert read(b"From: a@b.ru\r\nSubject: s\r\nHello there, call me\r\n\r\nmore").text.startswith("Hello there")


def test_repeated_headers_are_read_once_and_named() -> None:
    letter = read(b"From: a@b.ru\r\nFrom: c@d.ru\r\nSubject: one\r\nSubject: two\r\n\r\nt")
    assert letter.from_ == Mailbox("", "a@b.ru")
    assert letter.subject == "one"
    assert {"From stands 2 times.", "Subject stands 2 times."} <= set(letter.problems)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_every_kind_of_line_end_is_understood(end: bytes) -> None:
    raw = end.join([b"From: a@b.ru", b"Subject: s", b" t", b"", b"one", b"two"])
    letter = read(raw)
    assert (letter.subject, letter.text) == ("s t", "one\ntwo")


def test_headers_beyond_the_limits_are_cut_and_named() -> None:
    headers, _ = split_headers(b"X-A: b\r\n" * 5000 + b"\r\nbody", 0, 40_008)
    assert len(headers.fields) == 500
    assert headers.problems == ("The headers were too long; those beyond the limit were not read.",)


def test_the_body_is_found_after_headers_that_were_cut() -> None:
    raw = b"From: a@b.ru\r\n" + b"X-A: b\r\n" * 5000 + b"\r\nbody"
    assert read(raw).text == "body"
