"""The words that adapters write, and how numbers and mails are compared."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter.records import Kind, call_of, message_of, person_of
from crm_adapter.testkit import events
from crm_adapter.texts import (
    MISSED,
    as_html,
    call_facts,
    cut,
    has_handle,
    html_note,
    marker_line,
    new_emails,
    new_phones,
    note_of_call,
    note_of_message,
    phone_forms,
    phone_spellings,
    with_news,
)
from crm_adapter.words import say

IVAN = person_of(events.contact(1))
assert IVAN is not None


@pytest.mark.parametrize("typed", ["+79260000001", "89260000001", "8 (926) 000-00-01", "7 926 000 00 01"])
def test_a_number_is_the_same_however_it_was_typed(typed: str) -> None:
    assert IVAN is not None
    assert new_phones(IVAN, [typed]) == []
    assert has_handle(IVAN, [typed], [])


@pytest.mark.parametrize(("phones", "emails"), [(["+792600000019"], []), ([], ["ivan1@example.com.ru"]), ([""], [""])])
def test_what_is_only_similar_is_another_person(phones: list[str], emails: list[str]) -> None:
    assert IVAN is not None
    assert not has_handle(IVAN, phones, emails)


def test_mails_are_compared_without_case_and_blanks() -> None:
    assert IVAN is not None
    assert new_emails(IVAN, [" Ivan1@Example.COM "]) == []
    assert new_emails(IVAN, []) == ["ivan1@example.com"]


def test_a_russian_number_is_looked_for_with_an_eight_too() -> None:
    assert phone_forms(["+79261234567"])[:3] == ["+79261234567", "79261234567", "89261234567"]
    assert phone_forms(["+4930123456"])[:3] == ["+4930123456", "4930123456", "030123456"]
    assert "8 (926) 123-45-67" in phone_spellings(["+4930123456", "+79261234567"])


def test_a_text_that_is_cut_says_so() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("text", "most", "left"),
    [("🙂🙂🙂", 6, "🙂🙂🙂"), ("🙂🙂🙂", 5, "🙂🙂…"), ("🙂🙂🙂", 4, "🙂…"), ("aa🙂", 4, "aa🙂"), ("aa🙂a", 4, "aa…")],
)
def test_a_sign_of_two_places_is_never_cut_in_two(text: str, most: int, left: str) -> None:
    assert cut(text, most) == left
    assert len(left.encode("utf-16-le")) // 2 <= most


def test_a_note_is_cut_by_what_it_is_as_html() -> None:
    letter = message_of(Kind.MAIL, {**events.letter(1), "text": "&\n" * 9000}, events.START)
    content = html_note(lambda most: note_of_message(letter, most), 20_000, 30_000)
    assert 10_000 < len(content.encode()) <= 30_000
    assert content.endswith(marker_line(letter.id))
    assert html_note(lambda most: "&" * most, 1000, 10) == "&amp;" * 500, "no shorter than that"


@pytest.mark.parametrize("most", [100, 5000])
def test_a_note_keeps_its_marker_however_long_it_is(most: int) -> None:
    call = call_of(events.call(1, answered=False), events.START, language="ru")
    letter = message_of(Kind.MAIL, {**events.letter(1), "text": "ё" * 9000}, events.START)
    for text, marker in ((note_of_call(call, most), call.id), (note_of_message(letter, most), letter.id)):
        assert text.endswith(marker_line(marker))
        assert len(text) <= most
    assert note_of_call(call, 5000).startswith("Входящий звонок: +79260000001, пропущен\n")


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [("", "a", "a"), ("a", "", "a"), ("a", "a", "a"), ("x a y", "a", "x a y"), ("a", "b", "a\n\nb"), (" \n", "b", "b")],
)
def test_news_are_added_below_what_is_there(old: str, new: str, wanted: str) -> None:
    assert with_news(old, new) == wanted


def test_markup_in_a_text_is_shown_not_obeyed() -> None:
    assert as_html('<img src=x onerror="a()">\n& b') == "&lt;img src=x onerror=&quot;a()&quot;&gt;<br>&amp; b"


@pytest.mark.parametrize(
    ("details", "more", "language", "lines"),
    [
        ({}, {}, "en", {"Not answered: nobody picked up"}),
        ({"missed_reason": "queue_abandoned", "queue": "sales"}, {"after_hours": True}, "ru",
         {"Нет ответа: звонивший не дождался в очереди", "Очередь: sales", "Нерабочее время: да"}),
        ({"missed_reason": None, "outcome": "busy", "direction": "outbound"}, {}, "ru",
         {"Нет ответа: номер был занят"}),
        ({"missed_reason": "eaten_by_a_whale"}, {}, "ru", {"Нет ответа: eaten_by_a_whale"}),
        ({"transfers": [{"kind": "blind", "by": "101", "to": "102", "answered": True},
                        {"kind": "attended", "by": "102", "to": None, "answered": False}, "?"]}, {}, "en",
         {"Transfer: 101 → 102, 102 → ? (no answer)"}),
    ],
)  # fmt: skip
def test_a_call_says_what_became_of_it(
    details: dict[str, Any], more: dict[str, Any], language: str, lines: set[str]
) -> None:
    data = {**events.call(1, answered=False), **more}
    data["details"] = {**data["details"], **details}
    facts = call_facts(call_of(data, events.START, language=language))
    assert lines <= set(facts.splitlines())


def test_every_word_of_the_gateway_for_a_missed_call_can_be_said() -> None:
    assert {say("ru", words) for words in MISSED.values()}.isdisjoint(MISSED.values())
