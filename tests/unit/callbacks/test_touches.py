"""What one interaction means to those who wait for a call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.callbacks.settings import CallbacksSettings
from gateway.callbacks.touches import Facts, Meaning, answered_at, asks_for_a_call, read
from gateway.core.types import Channel, Direction, Kind, Phase
from tests.support.clock import MONDAY

IN, OUT, WITHIN = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL
SETTINGS = CallbacksSettings()
NOTHING, TRY, ATTEMPT = Meaning.NOTHING, Meaning.TRY, Meaning.ATTEMPT
BY_US, BY_CLIENT = Meaning.REACHED_BY_US, Meaning.REACHED_BY_CLIENT


def facts(**more: Any) -> Facts:
    base: dict[str, Any] = {
        "channel": Channel.CALL, "direction": IN, "kind": Kind.MESSAGE, "phase": Phase.ENDED, "occurred_at": MONDAY,
        "details": {},
    }  # fmt: skip
    return Facts(**(base | more))


CALLS: list[tuple[dict[str, Any], Meaning]] = [
    ({"outcome": "missed"}, TRY),
    ({"outcome": "answered"}, BY_CLIENT),
    ({"phase": Phase.ANSWERED}, BY_CLIENT),
    ({"phase": Phase.RINGING, "outcome": None}, NOTHING),
    ({"outcome": None}, TRY),
    ({"outcome": None, "details": {"answered": True}}, BY_CLIENT),
    ({"direction": OUT, "outcome": "answered"}, BY_US),
    ({"direction": OUT, "phase": Phase.ANSWERED}, BY_US),
    ({"direction": OUT, "outcome": "no_answer"}, ATTEMPT),
    ({"direction": OUT, "outcome": "busy"}, ATTEMPT),
    ({"direction": OUT, "outcome": "failed"}, ATTEMPT),
    ({"direction": OUT, "phase": Phase.RINGING}, NOTHING),
    ({"direction": WITHIN, "outcome": "answered"}, NOTHING),
    ({"by_colleague": True, "outcome": "answered"}, BY_US),
    ({"by_colleague": True, "outcome": "missed"}, ATTEMPT),
    *(({"kind": kind, "outcome": "missed"}, NOTHING) for kind in Kind if kind is not Kind.MESSAGE),
]  # fmt: skip


@pytest.mark.parametrize(("more", "meaning"), CALLS, ids=[str(row[0]) for row in CALLS])
def test_what_a_call_means(more: dict[str, Any], meaning: Meaning) -> None:
    assert read(facts(**more), SETTINGS).meaning is meaning


REASONS: list[tuple[dict[str, Any], bool | None, str]] = [
    ({"missed_reason": "busy"}, None, "busy"),
    ({"missed_reason": "busy"}, False, "busy"),
    ({"missed_reason": "busy"}, True, "after_hours"),
    ({"missed_reason": "voicemail"}, True, "voicemail"),
    ({"missed_reason": "no_answer", "voicemail": True}, False, "voicemail"),
    ({}, None, "no_answer"),
    ({"missed_reason": None}, None, "no_answer"),
    ({"missed_reason": 7}, None, "no_answer"),
    ({"missed_reason": "a reason of some later version"}, None, "a reason of some lat"),
]


@pytest.mark.parametrize(("details", "after_hours", "reason"), REASONS)
def test_the_reason_of_a_try(details: dict[str, Any], after_hours: bool | None, reason: str) -> None:
    touch = read(facts(outcome="missed", details=details, after_hours=after_hours), SETTINGS)
    assert (touch.meaning, touch.reason) == (TRY, reason)


@pytest.mark.parametrize("ignored", ["announcement", "after_hours"])
def test_an_ignored_reason_is_ignored_by_its_own_name_and_after_hours_too(ignored: str) -> None:
    settings = CallbacksSettings(ignored_reasons=(ignored,))
    missed = facts(outcome="missed", details={"missed_reason": "announcement"}, after_hours=True)
    assert read(missed, settings).meaning is NOTHING


WRITTEN: list[tuple[dict[str, Any], dict[str, Any], Meaning]] = [
    ({"text": "Перезвоните"}, {}, TRY),
    ({"text": "Сколько стоит?"}, {}, NOTHING),
    ({"text": "Сколько стоит?"}, {"forms": "all"}, TRY),
    ({"text": "Перезвоните"}, {"forms": "none"}, NOTHING),
    ({"text": "x", "line": "callme"}, {"call_forms": ("callme",), "forms": "none"}, TRY),
    ({"text": "Перезвоните"}, {"enabled": False}, NOTHING),
    ({"text": "x", "line": "callme"}, {"call_forms": ("callme",), "enabled": False}, NOTHING),
    ({"channel": Channel.MAIL, "text": "please call me"}, {}, TRY),
    ({"channel": Channel.MAIL, "text": "please call me"}, {"mail": "none"}, NOTHING),
    ({"channel": Channel.MAIL, "text": "x", "line": "callme"}, {"call_forms": ("callme",)}, NOTHING),
    ({"channel": Channel.MAIL, "text": "x", "phase": Phase.RECEIVED}, {"mail": "all"}, NOTHING),
    ({"channel": Channel.MAIL, "direction": OUT}, {}, NOTHING),
    ({"channel": Channel.MAIL, "direction": OUT}, {"letter_closes": True}, BY_US),
    ({"channel": Channel.FORM, "direction": OUT}, {"letter_closes": True}, NOTHING),
    ({"channel": Channel.MAIL, "direction": OUT, "kind": Kind.AUTO_REPLY}, {"letter_closes": True}, NOTHING),
    *(
        ({"channel": Channel.MAIL, "direction": OUT, "details": {"purpose": purpose}}, {"letter_closes": True}, NOTHING)
        for purpose in ("acknowledgement", "document", "summary", "notice")
    ),
    ({"channel": Channel.MAIL, "direction": OUT, "details": {"purpose": "answer"}}, {"letter_closes": True}, BY_US),
]


@pytest.mark.parametrize(("more", "keys", "meaning"), WRITTEN, ids=[f"{r[0]}{r[1]}" for r in WRITTEN])
def test_what_a_form_or_letter_means(more: dict[str, Any], keys: dict[str, Any], meaning: Meaning) -> None:
    assert read(facts(**({"channel": Channel.FORM} | more)), CallbacksSettings(**keys)).meaning is meaning


ASKING = [
    "Перезвоните мне пожалуйста", "ПЕРЕЗВОНИТЕ", "Прошу позвонить завтра", "позвоните, если не трудно",
    "Обратный звонок", "заказ обратного звонка", "Заказать звонок", "жду  звонка", "Свяжитесь\nсо мной",
    "Please call me back", "Callback request", "CALL ME", "could you give me a call?", "call\tback",
]  # fmt: skip
SILENT = [
    "",
    "Сколько стоит кухня?",
    "recall me not",
    "I called yesterday",
    "звонил вчера",
    "local meeting",
    "Спасибо!",
]


@pytest.mark.parametrize("text", ASKING)
def test_who_asks_for_a_call(text: str) -> None:
    assert asks_for_a_call(text, SETTINGS.words)


@pytest.mark.parametrize("text", SILENT)
def test_who_does_not(text: str) -> None:
    assert not asks_for_a_call(text, SETTINGS.words)


def test_words_are_words_and_no_patterns() -> None:
    assert not asks_for_a_call("aaaa", ("a+",))
    assert asks_for_a_call("say a+ now", ("a+",))
    assert not asks_for_a_call("anything", ())
    assert asks_for_a_call("ещё звонок", ("еще звон",))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((MONDAY + timedelta(seconds=9)).isoformat(), MONDAY + timedelta(seconds=9)),
        ("2026-11-23T12:00:09+03:00", MONDAY + timedelta(seconds=9)),
        ((MONDAY - timedelta(days=1)).isoformat(), MONDAY),
        ("2026-11-23T09:00:09", MONDAY),
        ("nonsense", MONDAY),
        (None, MONDAY),
        (5, MONDAY),
    ],
)
def test_when_they_began_to_speak(said: object, expected: object) -> None:
    assert answered_at(MONDAY, {"answered_at": said}) == expected
    call = replace(facts(outcome="answered"), details={"answered_at": said})
    assert read(call, SETTINGS).at == expected
