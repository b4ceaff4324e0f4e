"""A sentence for people that can be said in their language: a message of the catalogue and what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Gettext = Callable[[str], str]
"""A message of the catalogue to its translation."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``Sentence("There is no stage %(stage)s.", {"stage": "x"})``: English as text, any language by ``said``."""

    msgid: str
    """As the catalogue has it. Places are written ``%(name)s``; without ``values`` a percent sign is one."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What stands in the places. A Sentence, or an error that has one, is translated too."""

    def __str__(self) -> str:
        return self.said(_unchanged)

    def said(self, gettext: Gettext) -> str:
        """The sentence in the language of ``gettext``."""
        text = gettext(self.msgid) if self.msgid else ""  # the empty message is the head of a catalogue
        if not self.values:
            return text
        return text % {name: _said(value, gettext) for name, value in self.values.items()}


class Unusable(ValueError):
    """A value that can't be used. The text is a sentence, or the rest of one, of the catalogue."""

    def __init__(self, sentence: str, /, **values: object) -> None:
        self.sentence = Sentence(sentence, values)
        super().__init__(str(self.sentence))


def _said(value: object, gettext: Gettext) -> str:
    if isinstance(value, BaseException):
        value = getattr(value, "sentence", None) or Sentence(str(value))
    return value.said(gettext) if isinstance(value, Sentence) else str(value)


def _unchanged(msgid: str) -> str:
    return msgid


def N_(msgid: str) -> str:  # noqa: N802 - the name by which babel finds messages that are translated later
    """Marks a message for the catalogues where it is written down, and changes nothing."""
    return msgid
