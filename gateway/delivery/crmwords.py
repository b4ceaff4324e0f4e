"""What adapters say, as sentences that the pages and the console show in their reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Throttled, Unavailable
from crm_adapter.said import Said
from gateway.core.sentences import Sentence, verbatim

BY_HAND_ON_PAGES = Said("by hand, on the pages")
"""Why something is held or dropped, where nobody said why."""


def crm_words(words: str) -> Sentence:
    """A text of an adapter. One that it did not make translatable stays as it is."""
    if isinstance(words, Said):
        known = {name: crm_words(value) if isinstance(value, str) else value for name, value in words.values.items()}
        return Sentence(words.message, known)
    return verbatim(words)


def crm_trouble(error: Exception) -> Sentence:
    """An adapter's error. Where its text is not translatable, what it means for us goes before it."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else type(error).__name__
    words = {"words": crm_words(text)}
    if isinstance(text, Said):
        return words["words"]
    if isinstance(error, Misconfigured):
        return Sentence("something must be corrected first; in the words of its adapter: %(words)s", words)
    if isinstance(error, Throttled):
        return Sentence("it asks for patience; in the words of its adapter: %(words)s", words)
    if isinstance(error, Unavailable):
        return Sentence("it gives no usable answer; in the words of its adapter: %(words)s", words)
    return Sentence("it refuses; in the words of its adapter: %(words)s", words)


def kept(words: str | None) -> dict[str, Any] | None:
    """What the database keeps beside the English text: ``{"message": ..., "values": {...}}``; None for a text that is
    the same in any language."""
    if not isinstance(words, Said):
        return None
    return {"message": words.message, "values": {name: _plain(value) for name, value in words.values.items()}}


def _plain(value: object) -> object:
    if isinstance(value, Said):
        return kept(value)
    return value if isinstance(value, str | int | float) else str(value)


def read_back(text: str | None, words: Mapping[str, Any] | None) -> str | None:
    """The text that was kept, as a Said where its words are known. Words that don't make this text are not believed."""
    if text is None or not isinstance(words, Mapping):
        return text
    try:
        said = _said(words)
    except (AttributeError, KeyError, TypeError, ValueError):
        return text
    return said if said == text else text


def _said(words: Mapping[str, Any]) -> Said:
    values = {name: _said(one) if isinstance(one, Mapping) else one for name, one in words["values"].items()}
    sentence = words["message"]
    return Said(sentence, **values)
