"""A forwarded letter is about the person who wrote it first."""

from __future__ import annotations

import pytest

from gateway.mail.understand.forward import original_sender
from tests.unit.mail.letters import inspect, letter_bytes, multipart

BODY = "Добрый день! Нужны окна.\nТелефон 8 926 123-45-67"
SHAPES = {
    "Gmail ru": "---------- Forwarded message ---------\nОт: Пётр <petr@mail.ru>\nDate: пн, 5 окт. 2026 г. в 10:00\n"
    f"Subject: Окна\nTo: <boss@firm.ru>\n\n\n{BODY}",
    "Gmail en": "---------- Forwarded message ---------\nFrom: Пётр <petr@mail.ru>\nDate: Mon, Oct 5, 2026 at "
    "10:00 AM\n"
    f"Subject: Окна\nTo: <boss@firm.ru>\n\n\n{BODY}",
    "Yandex": '-------- Пересылаемое сообщение --------\n05.10.2026, 10:00, "Пётр" <petr@mail.ru>:\n\n' + BODY,
    "Yandex end mark": "-------- Начало пересылаемого сообщения --------\nОт: Пётр <petr@mail.ru>\nТема: Окна\n\n"
    f"{BODY}\n-------- Конец пересылаемого сообщения --------",
    "Mail.ru": "-------- Пересылаемое сообщение --------\nОт кого: Пётр <petr@mail.ru>\nКому: boss@firm.ru\n"
    f"Дата: Понедельник, 5 октября 2026, 10:00 +03:00\nТема: Окна\n\n{BODY}",
    "Apple ru": "Начало переадресованного сообщения:\n\n> От: Пётр <petr@mail.ru>\n> Тема: Окна\n> Дата: 5 "
    "октября 2026 г.\n"
    "> Кому: boss@firm.ru\n>\n" + "\n".join(f"> {line}" for line in BODY.split("\n")),
    "Apple en": "Begin forwarded message:\n\nFrom: Пётр <petr@mail.ru>\nSubject: Окна\nDate: 5 October 2026\nTo: "
    "boss@firm.ru\n\n" + BODY,
    "Thunderbird": "-------- Перенаправленное сообщение --------\nТема: \tОкна\nДата: \tMon, 5 Oct 2026\nОт: "
    "\tПётр <petr@mail.ru>\n"
    f"Кому: \tboss@firm.ru\n\n\n\n{BODY}",
    "Outlook ru": f"От: Пётр <petr@mail.ru>\nОтправлено: 5 октября 2026 г. 10:00\nКому: boss@firm.ru\nТема: "
    f"Окна\n\n{BODY}",
    "Outlook en": f"From: Пётр <petr@mail.ru>\nSent: Monday, October 5, 2026 10:00 AM\nTo: "
    f"boss@firm.ru\nSubject: Окна\n\n{BODY}",
    "Outlook old": "-----Original Message-----\nFrom: Пётр [mailto:petr@mail.ru]\nSent: Monday, October 5, 2026\n"
    f"To: boss@firm.ru\nSubject: Окна\n\n{BODY}",
}
BOSS = {"from": "Босс <boss@firm.ru>"}


@pytest.mark.parametrize(
    "comment", ["", "Аня, возьми в работу. Мой тел. 8 495 123-45-67\n\n"], ids=["bare", "with a word"]
)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_customer_of_a_forward_is_its_first_writer(shape: str, comment: str) -> None:
    record = inspect(letter_bytes(comment + shape, subject="Fwd: Окна", **BOSS))
    assert record["customer"] == {"name": "Пётр", "email": "petr@mail.ru", "phones": ["+79261234567"]}
    assert record["from"] == {"name": "Босс", "email": "boss@firm.ru"}
    assert record["new_text"].startswith("Аня, возьми" if comment else "Добрый день!")


@pytest.mark.parametrize("subject", ["Re: Окна", "Ответ: Окна", "RE: FW: Окна"])
def test_an_answer_with_its_history_is_no_forward(subject: str) -> None:
    record = inspect(letter_bytes(f"Согласен\n\n{SHAPES['Outlook ru']}", subject=subject))
    assert record["customer"]["email"] == "ivan@mail.ru"
    assert record["new_text"] == "Согласен"


def test_an_answer_is_known_by_its_threading_headers_too() -> None:
    record = inspect(letter_bytes(f"Согласен\n\n{SHAPES['Outlook en']}", subject="Окна", in_reply_to="<1@firm.ru>"))
    assert record["customer"]["email"] == "ivan@mail.ru"


def test_a_letter_forwarded_as_an_attachment_is_about_its_writer() -> None:
    inner = (
        "Content-Type: message/rfc822\n\nFrom: Пётр <petr@mail.ru>\nSubject: Окна\n"
        "Content-Type: text/plain; charset=utf-8\n\nНужны окна"
    )
    record = inspect(multipart("Content-Type: text/plain; charset=utf-8\n\n", inner, subject="Fwd: Окна", **BOSS))
    assert record["customer"]["email"] == "petr@mail.ru"
    assert record["text"] == "Нужны окна"


def test_a_letter_among_the_attachments_of_own_words_is_no_forward() -> None:
    inner = "Content-Type: message/rfc822\n\nFrom: Пётр <petr@mail.ru>\nSubject: old\n\nold"
    own = "Content-Type: text/plain; charset=utf-8\n\nСмотрите переписку во вложении"
    assert inspect(multipart(own, inner))["customer"]["email"] == "ivan@mail.ru"
    assert inspect(multipart(own, inner, subject="Fwd: old"))["customer"]["email"] == "petr@mail.ru"


def test_a_block_below_own_words_without_a_sign_of_answering_is_a_forward() -> None:
    record = inspect(letter_bytes(f"Возьми в работу\n\n{SHAPES['Outlook en']}", subject="Окна для Петра", **BOSS))
    assert (record["customer"]["email"], record["new_text"]) == ("petr@mail.ru", "Возьми в работу")


def test_a_forwarded_form_is_about_the_person_in_the_form() -> None:
    form = "Имя: Ольга\nТелефон: +7 903 111-22-33\nE-mail: olga@ya.ru\nСообщение: Перезвоните"
    head = (
        "---------- Forwarded message ---------\nFrom: Site <noreply@firm.ru>\n"
        "Date: Mon\nSubject: Заявка\nTo: boss@firm.ru\n\n"
    )
    record = inspect(letter_bytes(head + form, subject="Fwd: Заявка", **BOSS))
    assert record["customer"] == {"name": "Ольга", "email": "olga@ya.ru", "phones": ["+79031112233"]}
    assert record["form_fields"]["Сообщение"] == "Перезвоните"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("John Doe [mailto:john@x.ru]", ("John Doe", "john@x.ru")),
        ("Doe, John <john@x.ru>", ("Doe, John", "john@x.ru")),
        ("john@x.ru <john@x.ru>", ("", "john@x.ru")),
        ("*John* <john@x.ru<mailto:john@x.ru>> on behalf of info@x.ru", ("John", "john@x.ru")),
        ("John Doe", ("John Doe", "")),
        ("john@x.ru", ("", "john@x.ru")),
        ('"Doe" <john@x.ru>', ("Doe", "john@x.ru")),
    ],
)
def test_senders_are_read_as_programs_print_them(value: str, expected: tuple[str, str]) -> None:
    sender = original_sender(value)
    assert sender is not None
    assert (sender.name, sender.email) == expected


def test_a_sender_of_nothing_is_none() -> None:
    assert original_sender("  ") is None
