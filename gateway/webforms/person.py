"""Who filled in a form: name, company and handles from answers whose meaning is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.core.address import email_handle
from gateway.core.phone import phone_handle
from gateway.core.types import Handle
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer

MAX_PHONE = 64
"""Characters; longer text is no number, and is not looked at as one."""
MAX_NAME = 200

_EXTENSION = re.compile(r"\s*(?:доб|вн|ext|x|#)\.?\s*\d{1,6}\s*$", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(r"[,;/\n|]|\s(?:или|и|or|and)\s")
_WRITTEN_AS_PHONE = re.compile(r"(?:\+|8[\s(-]|\()[\d\s().\u00a0-]{8,}")
_NAME_ORDER = (Meaning.NAME, Meaning.FIRST_NAME, Meaning.MIDDLE_NAME, Meaning.LAST_NAME)


@dataclass(slots=True)
class Person:
    """What is known of the visitor, and which answers told it."""

    name: str | None = None
    company: str | None = None
    phones: list[Handle] = field(default_factory=list)
    emails: list[Handle] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    """Places of the answers that need not be repeated in the text."""

    @property
    def handles(self) -> tuple[Handle, ...]:
        """Phones first: a form's visitor expects a call."""
        return tuple(dict.fromkeys((*self.phones, *self.emails)))


def person_of(answers: list[tuple[Meaning, Answer]], region: str) -> Person:
    """Read the visitor out of the answers. A number or address that is none stays in the text, as it was typed."""
    person = Person()
    names: dict[Meaning, str] = {}
    for place, (meaning, answer) in enumerate(answers):
        if meaning is Meaning.PHONE:
            _take(person, person.phones, place, phones_in(answer.value, region))
        elif meaning is Meaning.EMAIL:
            _take(person, person.emails, place, emails_in(answer.value))
        elif meaning is Meaning.CONTACT:
            _take(person, person.phones, place, phones_in(answer.value, region))
            _take(person, person.emails, place, emails_in(answer.value))
        elif meaning in _NAME_ORDER and meaning not in names:
            names[meaning] = answer.value[:MAX_NAME]
            person.used.add(place)
        elif meaning is Meaning.COMPANY and person.company is None:
            person.company = answer.value[:MAX_NAME]
            person.used.add(place)
    person.name = _full_name(names)
    if not person.phones and not person.emails:
        _look_everywhere(person, answers, region)
    return person


def phones_in(value: str, region: str) -> list[Handle]:
    """The public numbers in an answer that should hold one or several; an extension behind a number is left out."""
    if len(value) > MAX_PHONE:
        return []
    whole = phone_handle(_EXTENSION.sub("", value), region)
    if whole is not None:
        return [whole]
    parts = (phone_handle(_EXTENSION.sub("", part), region) for part in _BETWEEN_NUMBERS.split(value))
    return [handle for handle in parts if handle is not None]


def emails_in(value: str) -> list[Handle]:
    """The addresses in an answer that should hold one or several."""
    whole = email_handle(value)
    if whole is not None:
        return [whole]
    parts = (email_handle(part) for part in re.split(r"[,;\s]+", value[:1000]) if "@" in part)
    return [handle for handle in parts if handle is not None]


def _take(person: Person, into: list[Handle], place: int, handles: Iterable[Handle]) -> None:
    for handle in handles:
        into.append(handle)
        person.used.add(place)


def _look_everywhere(person: Person, answers: list[tuple[Meaning, Answer]], region: str) -> None:
    """Labels told nothing: an answer that as a whole is written like a number or an address is one.

    Bare digits are not taken for a number: order numbers and tax ids look the same.
    """
    for place, (meaning, answer) in enumerate(answers):
        if not meaning.filled_in:
            continue
        value = answer.value.strip()
        if len(value) <= MAX_PHONE and _WRITTEN_AS_PHONE.fullmatch(value):
            _take(person, person.phones, place, phones_in(value, region))
        elif "@" in value and (handle := email_handle(value)) is not None:
            _take(person, person.emails, place, [handle])


def _full_name(names: dict[Meaning, str]) -> str | None:
    """First, middle, last. Where the label says just "name", it may hold the whole already."""
    parts: list[str] = []
    for meaning in _NAME_ORDER:
        part = names.get(meaning)
        if part and not set(part.split()) <= set(" ".join(parts).split()):
            parts.append(part)
    return " ".join(parts)[:MAX_NAME] or None
