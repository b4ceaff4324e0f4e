"""What adapters say, as sentences that the pages and the console show in their reader's language."""

from __future__ import annotations

from crm_adapter.base import Misconfigured, Throttled, Unavailable
from crm_adapter.said import Said
from gateway.core.sentences import Sentence, verbatim


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
