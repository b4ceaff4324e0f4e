"""What adapters say is kept so that it can be said in another language, and never as something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapter.base import Misconfigured
from crm_adapter.said import Said
from gateway.core.languages import load_translations
from gateway.delivery.crmwords import crm_words, kept, read_back
from gateway.delivery.verdict import MAX_DETAIL, MOST_TRIES, Claimed, judge
from tests.support.clock import MONDAY

ANSWERED = Said("%(host)s answered %(status)s", host="crm.example.com", status=503)
GIVEN_UP = Said("given up after %(count)s tries: %(words)s", count=10, words=ANSWERED)


def through_the_database(words: str) -> str | None:
    return read_back(str(words), json.loads(json.dumps(kept(words))))


def test_words_within_words_come_back_and_are_russian_for_a_russian() -> None:
    back = through_the_database(GIVEN_UP)
    assert back == "given up after 10 tries: crm.example.com answered 503"
    assert crm_words(back).said(load_translations("ru")) == (
        "после 10 попыток отправка прекращена: crm.example.com ответил 503"
    )


def test_words_of_nobody_stay_as_they_are() -> None:
    assert kept("Anna: we are moving") is None
    assert read_back("Anna: 100 % of it", None) == "Anna: 100 % of it"
    assert read_back(None, None) is None


@pytest.mark.parametrize(
    "words",
    [
        {"message": "something else", "values": {}},
        {"message": "%(host)s", "values": {}},
        {"message": "%(host)s %", "values": {"host": "x"}},
        {"message": 7, "values": {}},
        {"values": {}},
        {"message": "kept", "values": None},
        {},
        [],
        "kept",
    ],
)
def test_words_that_do_not_make_the_text_are_not_believed(words: Any) -> None:
    back = read_back("kept", words)
    assert back == "kept"
    assert type(back) is str


@given(host=st.text(max_size=30), status=st.integers(), inner=st.text(max_size=30))
def test_any_values_survive(host: str, status: int, inner: str) -> None:
    words = Said(
        "%(words)s; %(host)s", host=host, words=Said("%(host)s answered %(status)s", host=inner, status=status)
    )
    back = through_the_database(words)
    assert isinstance(back, Said)
    assert (back, back.message) == (words, words.message)


def test_what_is_too_long_to_keep_is_cut_and_said_in_english() -> None:
    row = Claimed(id=1, message_id="m", payload={}, number=MOST_TRIES)
    long = Misconfigured(Said("%(words)s", words="x" * 9999))
    verdict = judge(row, long, at=MONDAY, random=lambda: 0.0)
    assert verdict.detail == verdict.hold == "x" * MAX_DETAIL
    assert kept(verdict.detail) is None
