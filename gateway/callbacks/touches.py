"""What one interaction means to those who wait for a call: a try, an answer, an attempt of ours, or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from gateway.callbacks.settings import CallbacksSettings
from gateway.core.types import Channel, Direction, Json, Kind, Phase

ASKED = "asked"
"""Reason of a try that was a form or a letter."""
AFTER_HOURS, VOICEMAIL = "after_hours", "voicemail"
UNKNOWN_REASON = "no_answer"
"""Of a missed call whose record gives none."""
OUR_OWN_LETTERS = frozenset({"acknowledgement", "document", "summary", "notice"})
"""Letters that nobody wrote to answer: they close nothing."""
STRIPPED = 20
"""As long as the column that keeps a reason."""


class Meaning(StrEnum):
    """What it does to callbacks."""

    NOTHING = "nothing"
    TRY = "try"
    """The person tried in vain."""
    REACHED_BY_US = "reached_by_us"
    REACHED_BY_CLIENT = "reached_by_client"
    ATTEMPT = "attempt"
    """We tried in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One interaction, as far as it matters here: the best that is known of it, not what one report said."""

    channel: Channel
    direction: Direction
    kind: Kind
    phase: Phase
    occurred_at: datetime
    details: Mapping[str, Json]
    line: str | None = None
    """Our side: what was dialled, written to, filled in; of our own calls the extension."""
    outcome: str | None = None
    text: str = ""
    """All words of a form or letter."""
    number: str | None = None
    """The outside person's phone, E.164."""
    by_colleague: bool = False
    """A call from one of our numbers through the PBX: we are the caller, who it was put through to is the person."""
    after_hours: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """What an interaction means, and when."""

    meaning: Meaning
    at: datetime
    """Of a try or attempt its begin; of an answer the moment in which they began to speak."""
    reason: str = ""
    """Of a try."""


def read(facts: Facts, settings: CallbacksSettings) -> Touch:
    """The meaning of an interaction."""
    if facts.kind is not Kind.MESSAGE or facts.direction is Direction.INTERNAL:
        return _nothing(facts)
    if facts.channel is Channel.CALL:
        return _call(facts, settings)
    if facts.phase is not Phase.ENDED:
        return _nothing(facts)
    if facts.direction is Direction.OUTBOUND:
        return _letter_of_ours(facts, settings)
    asks = _asks(facts, settings)
    return Touch(meaning=Meaning.TRY, at=facts.occurred_at, reason=ASKED) if asks else _nothing(facts)


def _nothing(facts: Facts) -> Touch:
    return Touch(meaning=Meaning.NOTHING, at=facts.occurred_at)


def _call(facts: Facts, settings: CallbacksSettings) -> Touch:
    ours = facts.direction is Direction.OUTBOUND or facts.by_colleague
    if is_answered(facts.phase, facts.outcome, facts.details):
        meaning = Meaning.REACHED_BY_US if ours else Meaning.REACHED_BY_CLIENT
        return Touch(meaning=meaning, at=answered_at(facts.occurred_at, facts.details))
    if facts.phase is not Phase.ENDED:
        return _nothing(facts)
    if ours:
        return Touch(meaning=Meaning.ATTEMPT, at=facts.occurred_at)
    reason = _reason(facts)
    if not settings.enabled or reason in settings.ignored_reasons or _missed_reason(facts) in settings.ignored_reasons:
        return _nothing(facts)
    return Touch(meaning=Meaning.TRY, at=facts.occurred_at, reason=reason)


def is_answered(phase: Phase, outcome: str | None, details: Mapping[str, Json]) -> bool:
    """Two people spoke. A call under way says so in its phase, one that is over in its outcome."""
    if phase is Phase.ANSWERED:
        return True
    return phase is Phase.ENDED and (outcome == "answered" or details.get("answered") is True)


def answered_at(occurred_at: datetime, details: Mapping[str, Json]) -> datetime:
    """When they began to speak, as the record says; else when the call began."""
    said = details.get("answered_at")
    if not isinstance(said, str):
        return occurred_at
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return occurred_at
    return max(moment, occurred_at) if moment.tzinfo is not None else occurred_at


def _missed_reason(facts: Facts) -> str:
    reason = facts.details.get("missed_reason")
    return reason[:STRIPPED] if isinstance(reason, str) and reason else UNKNOWN_REASON


def _reason(facts: Facts) -> str:
    """A message on the voicemail is a message whenever it came; else nobody was to be there after hours."""
    reason = _missed_reason(facts)
    if reason == VOICEMAIL or facts.details.get("voicemail") is True:
        return VOICEMAIL
    return AFTER_HOURS if facts.after_hours else reason


def _letter_of_ours(facts: Facts, settings: CallbacksSettings) -> Touch:
    by_hand = facts.details.get("purpose") not in OUR_OWN_LETTERS
    if settings.letter_closes and facts.channel is Channel.MAIL and by_hand:
        return Touch(meaning=Meaning.REACHED_BY_US, at=facts.occurred_at)
    return _nothing(facts)


def _asks(facts: Facts, settings: CallbacksSettings) -> bool:
    if not settings.enabled:
        return False
    if facts.channel is Channel.FORM and facts.line in settings.call_forms:
        return True
    which = settings.forms if facts.channel is Channel.FORM else settings.mail
    return which == "all" or (which == "asking" and asks_for_a_call(facts.text, settings.words))


def asks_for_a_call(text: str, words: Sequence[str]) -> bool:
    """Whether one of ``words`` begins a word of ``text``; ё and е are one letter."""
    return bool(words) and _pattern(tuple(words)).search(text.replace("ё", "е").replace("Ё", "Е")) is not None


@lru_cache(maxsize=32)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = (re.escape(word.strip().replace("ё", "е")).replace(r"\*", r"\w*") for word in words)
    spaced = (alternative.replace(r"\ ", r"\s+") for alternative in alternatives)
    return re.compile(rf"\b(?:{'|'.join(spaced)})", re.IGNORECASE)
