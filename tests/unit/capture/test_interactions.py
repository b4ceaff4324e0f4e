"""Drafts to rows and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.capture.interactions import MAX_TEXT, call_columns, columns_of, draft_from_json, draft_to_json, storable
from gateway.core.types import Attachment, Phase
from tests.support.items import call, form

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON)
def test_whatever_came_can_be_stored(value: Any) -> None:
    text = msgspec.json.encode(storable(value))
    assert b"\\u0000" not in text
    text.decode("utf-8")


def test_what_is_storable_already_stays_as_it_is() -> None:
    value = {"Имя": "Иван 😀", "list": [1, None, True, 1.5]}
    assert storable(value) == value


def test_a_nul_and_half_a_surrogate_pair_become_the_replacement_character() -> None:
    assert storable("a\0b\ud83dc") == "a\ufffdb\ufffdc"


def test_a_draft_survives_the_journal() -> None:
    draft = form(
        "1",
        phone="+79261234567",
        email="ivan@example.com",
        attachments=(Attachment(name="a.pdf", content_type="application/pdf", size=3),),
        problems=("two phones",),
    ).draft
    assert draft is not None
    assert draft_from_json(msgspec.json.decode(msgspec.json.encode(draft_to_json(draft)))) == draft


def test_the_outcome_is_known_only_when_the_call_has_ended() -> None:
    ringing = call("1", Phase.RINGING, outcome="missed").draft
    ended = call("1", Phase.ENDED, outcome="missed").draft
    assert ringing is not None
    assert ended is not None
    assert columns_of(ringing, draft_to_json(ringing))["outcome"] is None
    assert columns_of(ended, draft_to_json(ended))["outcome"] == "missed"


def test_a_book_of_text_is_cut_in_the_row() -> None:
    draft = form("1", text="x" * (MAX_TEXT + 5)).draft
    assert draft is not None
    assert len(columns_of(draft, draft_to_json(draft))["text"]) == MAX_TEXT


@pytest.mark.parametrize(
    ("details", "columns"),
    [
        ({}, (None, None, None, None)),
        ({"missed_reason": "busy", "queue": "500", "wait_seconds": 3}, ("busy", "500", 3.0, None)),
        ({"missed_reason": "x" * 99, "talk_seconds": 1.5}, ("x" * 40, None, None, 1.5)),
        ({"queue": 500, "wait_seconds": "soon", "talk_seconds": True}, (None, "500", None, None)),
    ],
)
def test_what_reports_ask_of_a_call_are_columns(details: dict[str, Any], columns: tuple[Any, ...]) -> None:
    assert tuple(call_columns(details).values()) == columns
