"""Events as things, whatever is missing or odd."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapter.records import Kind, call_of, digest, lead_of, message_of, person_of
from crm_adapter.testkit import events

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted({*events.lead(1), *events.call(1), "contact", "details"})), ODD)
def test_no_odd_value_of_any_key_breaks_the_reading(key: str, value: Any) -> None:
    for data in (events.lead(1), events.call(1), events.letter(1)):
        changed = {**data, key: value}
        lead = lead_of(changed)
        assert lead.title.strip() or lead.subject
        assert isinstance(lead.description, str)
        call_of(changed, NOW)
        assert message_of(Kind.MAIL, changed, NOW).summary
        person_of(changed)


def test_a_call_that_nobody_answered_belongs_to_the_phone_that_rang_last() -> None:
    call = call_of(events.call(1, answered=False), NOW)
    assert (call.extension, call.talk_seconds, call.missed_reason) == ("102", 0, "no_answer")


def test_the_number_of_an_outgoing_call_is_the_dialled_one_and_the_speaker_the_caller() -> None:
    data = events.call(1)
    data["details"] |= {"direction": "outbound", "caller": "101", "dialled": "+79260000009"}
    call = call_of(data, NOW)
    assert (call.inbound, call.number, call.extension) == (False, "+79260000009", "101")


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "Заявка 1"),
        ({"subject": None}, "Form: Иван 1 Петров"),
        ({"subject": None, "contact": None, "channel": "call"}, "Call: withheld number"),
        ({"subject": None, "contact": {"id": "x", "phones": ["+7926"]}, "channel": "call"}, "Call: +7926"),
    ],
)
def test_a_lead_always_has_a_heading(changes: dict[str, Any], title: str) -> None:
    assert lead_of({**events.lead(1), **changes}).title == title


def test_a_digest_depends_on_the_values_alone() -> None:
    assert digest("a", {"x": 1, "y": 2}) == digest("a", {"y": 2, "x": 1})
    assert digest("a", None) != digest("a", "")


def test_our_own_words_are_in_the_language_of_the_people() -> None:
    data = {**events.lead(1), "subject": None, "contact": None, "channel": "call"}
    assert lead_of(data, language="ru").title == "Звонок: скрытый номер"
    assert "Файлы: план.pdf" in message_of(Kind.MAIL, events.letter(1), NOW, language="ru").summary


@pytest.mark.parametrize("name", ["", " ", "\t\n", None, 5])
def test_a_name_of_blanks_is_no_name(name: Any) -> None:
    person = person_of({**events.contact(1), "name": name})
    assert person is not None
    assert (person.name, person.title) == (None, events.phone(1))
