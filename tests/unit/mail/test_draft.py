"""The record of a letter becomes a draft: direction, handles, time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.core.types import Attachment, Direction, Draft, Handle, HandleKind, Json, Kind, Phase
from gateway.mail.draft import Ours, make_draft
from tests.unit.mail.letters import NOW, cut_off, file_part, inspect, letter_bytes, multipart

OURS = Ours.of(["Sales@Firm.ru", "anna.firm@gmail.com"], ["firm.ru"])
ENVELOPE: dict[str, Json] = {"mail_from": "ivan@mail.ru", "rcpt_to": ["sales@firm.ru"]}


def draft(raw: bytes, **meta: Json) -> Draft:
    return make_draft(inspect(raw), {**ENVELOPE, **meta}, NOW, OURS, "RU")


def email(value: str) -> Handle:
    return Handle(HandleKind.EMAIL, value)


def phone(value: str) -> Handle:
    return Handle(HandleKind.PHONE, value)


def test_a_customers_letter_is_inbound_with_address_first_then_phones() -> None:
    got = draft(letter_bytes("Звоните 8 926 123-45-67", **{"from": "Иван <Ivan@Mail.ru>"}))
    assert (got.direction, got.phase, got.kind) == (Direction.INBOUND, Phase.ENDED, Kind.MESSAGE)
    assert got.handles == (email("ivan@mail.ru"), phone("+79261234567"))
    assert (got.name, got.line, got.subject) == ("Иван", "sales@firm.ru", "Вопрос")


def test_text_is_what_is_new_and_the_whole_stays_in_the_details() -> None:
    got = draft(
        letter_bytes(
            "Да\n\nпн, 5 окт. 2026 г. в 10:00, Анна <a@firm.ru>:\n> Цена", message_id="<1@x>", references="<0@x>"
        )
    )
    assert got.text == "Да"
    assert "Цена" in got.details["text"]
    assert (got.details["message_id"], got.details["references"]) == ("1@x", ["0@x"])
    assert got.details["envelope"] == ENVELOPE


def test_a_letter_that_is_only_history_shows_it() -> None:
    assert draft(letter_bytes("> Цена 5000")).text == "> Цена 5000"


@pytest.mark.parametrize(
    ("headers", "direction", "handles"),
    [
        ({"from": "anna@firm.ru", "to": "ivan@mail.ru"}, Direction.OUTBOUND, (email("ivan@mail.ru"),)),
        ({"from": "anna.firm@gmail.com", "to": "ivan@mail.ru"}, Direction.OUTBOUND, (email("ivan@mail.ru"),)),
        ({"from": "other@gmail.com"}, Direction.INBOUND, (email("other@gmail.com"),)),
        ({"from": "anna@firm.ru", "to": "boss@firm.ru"}, Direction.INTERNAL, ()),
        ({"from": "anna@firm.ru", "to": "boss@firm.ru", "cc": "i@x.ru"}, Direction.OUTBOUND, (email("i@x.ru"),)),
        ({"from": "noreply@firm.ru", "reply_to": "olga@ya.ru"}, Direction.INBOUND, (email("olga@ya.ru"),)),
        ({"from": ""}, Direction.INBOUND, (email("ivan@mail.ru"),)),
    ],
)
def test_our_own_addresses_tell_the_direction(
    headers: dict[str, str], direction: Direction, handles: tuple[Handle, ...]
) -> None:
    got = draft(letter_bytes("Нужны окна", **headers))
    assert (got.direction, got.handles) == (direction, handles)


def test_a_form_from_our_own_site_is_inbound_with_its_fields() -> None:
    raw = letter_bytes("Имя: Ольга\nТелефон: 8 903 111-22-33", **{"from": "noreply@firm.ru"})
    got = draft(raw)
    assert (got.direction, got.handles, got.name) == (Direction.INBOUND, (phone("+79031112233"),), "Ольга")
    assert got.fields == {"Имя": "Ольга", "Телефон": "8 903 111-22-33"}


def test_a_forward_by_a_colleague_is_inbound_from_its_first_writer_and_shows_the_whole() -> None:
    text = (
        "Возьми\n\n---------- Forwarded message ---------\nFrom: Пётр "
        "<petr@mail.ru>\nSubject: Окна\nTo: x\n\nНужны окна"
    )
    got = draft(letter_bytes(text, subject="Fwd: Окна", **{"from": "boss@firm.ru"}))
    assert (got.direction, got.handles) == (Direction.INBOUND, (email("petr@mail.ru"),))
    assert "Нужны окна" in got.text


@pytest.mark.parametrize("writer", ["Анна <anna@firm.ru>", "Поставщик <x@other.ru>"])
def test_a_forward_by_a_stranger_is_about_the_stranger(writer: str) -> None:
    text = (
        f"Что это?\n\n---------- Forwarded message ---------\nFrom: {writer}\nSubject: S\nTo: x\n\nтел. 8 800 555-35-35"
    )
    got = draft(letter_bytes(text, subject="Fwd: S"))
    assert (got.direction, got.handles, got.name) == (Direction.INBOUND, (email("ivan@mail.ru"),), "Иван")


def test_without_known_own_addresses_every_forward_is_about_its_first_writer() -> None:
    text = "---------- Forwarded message ---------\nFrom: Пётр <petr@mail.ru>\nSubject: S\nTo: x\n\nНужны окна"
    record = inspect(letter_bytes(text, subject="Fwd: S", **{"from": "boss@firm.ru"}))
    assert make_draft(record, {}, NOW, Ours.of([], []), "RU").handles == (email("petr@mail.ru"),)


def test_a_bounce_has_no_handles_for_nobody_wrote_it() -> None:
    got = draft(letter_bytes("Undeliverable", x_failed_recipients="a@b.ru", **{"from": "MAILER-DAEMON@mail.ru"}))
    assert (got.kind, got.handles) == (Kind.BOUNCE, ())


def test_attachments_and_problems_go_along() -> None:
    got = draft(cut_off(multipart("Content-Type: text/plain\n\nx", file_part("filename=a.pdf", b"123"))))
    assert got.attachments == (Attachment(name="a.pdf", content_type="application/pdf", size=3),)
    assert got.problems == ("The end of a multipart is missing; the letter may be cut off.",)


@pytest.mark.parametrize(
    ("age", "history", "believed"),
    [
        (timedelta(minutes=1), False, True),
        (timedelta(days=4), False, True),
        (timedelta(days=400), False, False),
        (timedelta(days=400), True, True),
        (timedelta(minutes=-10), False, True),
        (timedelta(days=-2), False, False),
        (timedelta(days=-2), True, False),
    ],
)
def test_a_date_is_believed_when_it_can_be_right(age: timedelta, history: bool, believed: bool) -> None:
    written = (NOW - age).strftime("%a, %d %b %Y %H:%M:%S +0000")
    assert draft(letter_bytes("x", date=written), history=history).occurred_at == (NOW - age if believed else NOW)


def test_a_letter_without_a_date_happened_when_it_came() -> None:
    assert draft(letter_bytes("x")).occurred_at == NOW
