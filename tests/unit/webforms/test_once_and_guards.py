"""One submission is one; too many are counted; settings are checked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.webforms import guards, once
from gateway.webforms.guards import PerMinute
from gateway.webforms.once import WINDOW, Once
from gateway.webforms.settings import EMBEDDED_FORMS, FormSettings
from tests.unit.webforms.reading import multipart, submission

T = 1_700_000_000.0 // WINDOW * WINDOW
"""The beginning of a slot."""


def test_a_second_click_is_the_same_wherever_the_slots_edge_is() -> None:
    for first in (T, T + 1, T + WINDOW - 1):
        keys = Once()
        one = keys.key(submission(b"phone=1"), None, first)
        assert keys.key(submission(b"phone=1"), None, first + 5) == one
        assert keys.key(submission(b"phone=1"), None, first + WINDOW - 1) == one
        assert keys.key(submission(b"phone=1"), None, first + WINDOW) != one


def test_the_same_words_another_day_are_another_request() -> None:
    keys = Once()
    assert keys.key(submission(b"phone=1"), None, T) != keys.key(submission(b"phone=1"), None, T + 86_400)


def test_another_process_gives_the_same_key_within_a_slot() -> None:
    assert Once().key(submission(b"phone=1"), None, T + 1) == Once().key(submission(b"phone=1"), None, T + 300)


def test_a_clock_that_goes_back_does_not_join_what_is_far_apart() -> None:
    keys = Once()
    later = keys.key(submission(b"phone=1"), None, T + 10 * WINDOW)
    assert keys.key(submission(b"phone=1"), None, T) != later


def test_other_content_form_or_address_is_another_submission() -> None:
    keys = Once()
    seen = {
        keys.key(submission(b"phone=1"), None, T),
        keys.key(submission(b"phone=2"), None, T),
        keys.key(submission(b"phone=1", form="other"), None, T),
        keys.key(submission(b"phone=1", query=(("a", "1"),)), None, T),
    }
    assert len(seen) == 4


def test_the_builders_id_is_enough_whenever_and_with_whatever_it_comes() -> None:
    keys = Once()
    one = keys.key(submission(b"tranid=1:2&a=1"), "1:2", T)
    assert keys.key(submission(b"tranid=1:2&a=2"), "1:2", T + 90_000) == one
    assert keys.key(submission(b"tranid=1:2&a=1", form="other"), "1:2", T) != one


def test_an_idempotency_key_joins_equal_content_only() -> None:
    keys = Once()
    one = keys.key(submission(b"phone=1", idempotency_key="k"), None, T)
    assert keys.key(submission(b"phone=1", idempotency_key="k"), None, T + 90_000) == one
    assert keys.key(submission(b"phone=2", idempotency_key="k"), None, T) != one
    assert keys.key(submission(b"phone=1", idempotency_key="l"), None, T) != one


def test_a_multipart_form_sent_again_with_another_boundary_is_the_same() -> None:
    keys = Once()
    parts = (("phone", b"1"), ("file", b"\x89PNG", "a.png"))
    one, two = multipart(*parts, boundary="aaa1"), multipart(*parts, boundary="bbb2")
    other = multipart(("phone", b"2"), boundary="aaa1")
    key = keys.key(submission(*one), None, T)
    assert keys.key(submission(*two), None, T) == key
    assert keys.key(submission(*other), None, T) != key


def test_memory_of_contents_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "REMEMBERED", 3)
    keys = Once()
    for number in range(10):
        keys.key(submission(f"phone={number}"), None, T)
    assert len(keys._slots) == 3


@given(st.text(max_size=20), st.text(max_size=20))
def test_keys_are_short_and_plain_whatever_the_sender_sends(sender_id: str, header: str) -> None:
    key = Once().key(submission(b"", idempotency_key=header), sender_id or None, T)
    assert key.isascii()
    assert len(key) == len("form:site:") + 32


def test_a_window_of_a_minute_begins_with_its_first_event() -> None:
    rate = PerMinute()
    assert [rate.count("a", now) for now in (0.0, 1.0, 59.9, 60.0, 61.0)] == [1, 2, 3, 1, 2]
    assert rate.count("b", 61.0) == 1


def test_memory_of_senders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "REMEMBERED", 2)
    rate = PerMinute()
    for sender in "abc":
        rate.count(sender, 0.0)
    assert rate.count("c", 1.0) == 2
    assert rate.count("a", 1.0) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": ""}, 'key = ""'),
        ({"key": "a/b"}, "characters"),
        ({"key": "x" * 65}, "1 to 64"),
        ({"max_size": 0}, "max_size = 0"),
        ({"per_minute": -5}, "per_minute = -5"),
        ({"preset": "tlida"}, 'did you mean "tilda"'),
        ({"preset": "zzz"}, "There are tilda, typeform"),
        ({"redirect": "javascript:alert(1)"}, "whole address"),
        ({"redirect": "//evil.example"}, "whole address"),
        ({"redirect": "https://x.example/\r\nSet-Cookie: a"}, "whole address"),
        ({"origins": ("shop.example",)}, "scheme and host only"),
        ({"origins": ("https://shop.example/",)}, "scheme and host only"),
    ],
)
def test_wrong_form_setting_is_named(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FormSettings(**{"key": "site", **changed})


def test_form_settings_come_from_a_toml_table() -> None:
    table = {"key": "k1", "name": "Shop", "preset": "tilda", "redirect": "/thanks", "origins": ["https://shop.example"]}
    form = msgspec.convert(table, FormSettings)
    assert (form.title, form.origins) == ("Shop", ("https://shop.example",))
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert({"key": "k", "colour": 1}, FormSettings)


def test_without_a_configuration_there_is_one_form() -> None:
    [form] = EMBEDDED_FORMS
    assert (form.key, form.title, form.origins) == ("site", "site", ())
