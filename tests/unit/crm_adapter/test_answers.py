"""What the judges of all vendors share."""

from __future__ import annotations

import pytest

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import Unavailable
from crm_adapter.http import Answer


def answer(status: int = 400, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """Of a host that is called so."""
    return Answer(status=status, headers=headers or {}, body=body, host="crm.example.com")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", "", "crm.example.com answered 400"),
        ("too long", "", "crm.example.com answered 400: too long"),
        ("too long", "BAD", "crm.example.com answered 400 BAD: too long"),
    ],
)
def test_what_was_answered_is_said_with_the_crms_own_words(words: str, code: str, said: str) -> None:
    assert answered(answer(), words, code=code) == said


@pytest.mark.parametrize(
    ("words", "line"),
    [("a\n b\tc.", "a b c"), (None, ""), (5, "5"), ("x" * 400, "x" * 300), ("No!", "No!"), ("It is.", "It is")],
)
def test_words_come_on_one_line(words: object, line: str) -> None:
    assert one_line(words) == line


@pytest.mark.parametrize("body", [b"<html>", b"  \r\n<!DOCTYPE html>"])
def test_a_web_page_is_told_from_data(body: bytes) -> None:
    with pytest.raises(Unavailable, match="web page instead of data"):
        raise_for_page(answer(403, body))
    raise_for_page(answer(429, body))
    raise_for_page(answer(503, body, {"Retry-After": "5"}))
    raise_for_page(answer(403, b'{"a": "<html>"}'))


@pytest.mark.parametrize("body", [b"", b"[]", b"no JSON", b"5"])
def test_an_answer_without_an_object_is_empty(body: bytes) -> None:
    assert document(answer(200, body)) == {}
    assert document(answer(200, b'{"a": 1}')) == {"a": 1}
