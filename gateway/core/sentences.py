"""A sentence for people that can be said in their language: a message of the catalogue and what stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Texts(Protocol):
    """The messages of a language, as ``core.languages.texts_for`` gives them."""

    def gettext(self, message: str, /) -> str:
        """The translation of a message; the message itself where there is none."""
        ...

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        """The form that goes with ``number``."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """``Sentence("There is no stage %(stage)s.", {"stage": "x"})``: English as text, any language by ``said``.

    One without a message says nothing and counts as false.
    """

    msgid: str
    """As the catalogue has it. Places are written ``%(name)s``; without ``values`` a percent sign is one."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What stands in the places. A Sentence, or an error that has one, is translated too."""
    plural: str = ""
    """The message for other numbers than one; the number is the value ``num``. See ``counted``."""

    def __str__(self) -> str:
        return self.said(ENGLISH)

    def __bool__(self) -> bool:
        return bool(self.msgid)

    def said(self, texts: Texts) -> str:
        """The sentence in the language of ``texts``."""
        if not self.msgid:  # the empty message is the head of a catalogue
            return ""
        num = self.values.get("num")
        if self.plural and isinstance(num, int):
            text = texts.ngettext(self.msgid, self.plural, num)
        else:
            text = texts.gettext(self.msgid)
        return text % {name: _said(value, texts) for name, value in self.values.items()} if self.values else text


@dataclass(frozen=True, slots=True)
class Several(Sentence):
    """Sentences one after the other. See ``joined`` and ``ended``."""

    parts: tuple[Sentence, ...] = ()
    between: str = ""
    """What stands between them, where they are no whole sentences."""
    closed: bool = False
    """Whether they are: then a full stop stands between them, where there is none yet."""
    end: bool = False
    """Whether the last one has a full stop too."""

    def __bool__(self) -> bool:
        return bool(self.parts)

    def said(self, texts: Texts) -> str:
        """The sentences in the language of ``texts``."""
        said = [part.said(texts) for part in self.parts]
        if not self.closed:
            return self.between.join(said)
        before = "".join(f"{_closed(text)} " for text in said[:-1])
        last = said[-1] if said else ""
        return before + (_closed(last) if self.end and said else last.rstrip("."))


NOTHING = Sentence("")
"""Nothing is to be said."""


def counted(one: str, many: str, num: int, /, **values: object) -> Sentence:
    """``counted("%(num)s call waits", "%(num)s calls wait", 3)``: the form that goes with the number."""
    return Sentence(one, {**values, "num": num}, plural=many)


def joined(parts: Iterable[Sentence], between: str = "") -> Sentence:
    """Those that say something, one after the other: as sentences, or with ``between`` between them."""
    return Several("", parts=tuple(part for part in parts if part), between=between, closed=not between)


def ended(words: object) -> Sentence:
    """A sentence, or an error that has one, with its full stop."""
    return Several("", parts=(as_sentence(words),), closed=True, end=True)


def as_sentence(words: object) -> Sentence:
    """What can be said of ``words``: a Sentence, an error that has one, or a text that is the same in any language."""
    if isinstance(words, BaseException):
        words = getattr(words, "sentence", None) or str(words)
    return words if isinstance(words, Sentence) else verbatim(str(words))


def verbatim(words: str) -> Sentence:
    """Words that are not ours, such as those of a PBX: the same in any language."""
    return Sentence("%(words)s", {"words": words}) if words else NOTHING


class Unusable(ValueError):
    """A value that can't be used. The text is a sentence, or the rest of one, of the catalogue."""

    def __init__(self, sentence: str, /, **values: object) -> None:
        self.sentence = Sentence(sentence, values)
        super().__init__(str(self.sentence))


class _English:
    """The language of the messages themselves."""

    def gettext(self, message: str, /) -> str:
        return message

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        return one if number == 1 else many


ENGLISH: Texts = _English()


def _closed(text: str) -> str:
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def _said(value: object, texts: Texts) -> str:
    if isinstance(value, BaseException):
        value = getattr(value, "sentence", None) or Sentence(str(value))
    return value.said(texts) if isinstance(value, Sentence) else str(value)


def N_(msgid: str) -> str:  # noqa: N802 - the name by which babel finds messages that are translated later
    """Marks a message for the catalogues where it is written down, and changes nothing."""
    return msgid
