"""The seam of a site builder: does this body have my shape, and what do its parts mean.

A new builder is one file here with a ``Preset``, its tests, and one line in ``presets/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.types import Json
from gateway.webforms.body import MAX_FIELDS, Body, Path
from gateway.webforms.labels import Meaning
from gateway.webforms.proof import Verify
from gateway.webforms.text import clean, storable
from gateway.webforms.tree import said

CONTAINERS = frozenset(
    {"form_fields", "fields", "data", "form_data", "formdata", "payload", "values", "answers", "body", "lead",
     "contact", "contacts", "customer", "client", "submission"}
)  # fmt: skip
"""Wrappers around answers, which say nothing about them and are left out of labels."""


class Answer(NamedTuple):
    """One thing that was filled in or sent along."""

    label: str
    value: str
    meaning: Meaning | None = None
    """What it is, where the builder says so; None: told by the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A body in the words of one builder."""

    answers: tuple[Answer, ...]
    sender_id: str | None = None
    """The builder's own id of this submission: the same in a retry."""
    test: bool = False
    """The ping a builder sends when the hook is saved."""
    form_id: str | None = None
    form_name: str | None = None
    """How the builder calls the form."""
    problems: tuple[str, ...] = ()
    """Sentences for people: what the builder did not send, and where it can be found."""
    wanted: str | None = None
    """Only an id came: what the answers must be fetched by from the builder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One builder."""

    name: str
    recognises: Callable[[Body], bool]
    read: Callable[[Body], Reading]
    """Takes any body that ``recognises`` accepts."""
    cues: frozenset[str] = frozenset()
    """First names of which each body of this shape has one, so that a body with none is not even asked about. Empty:
    the shape has no such name."""
    verify: Verify | None = None
    """How this builder proves who it is; None: it can't sign, so the shared secret itself is asked for."""
    split: Callable[[Body], Sequence[Json]] | None = None
    """The single leads of a body that may carry several; fewer than two: it is one."""
    whole: bool = False
    """It reads the body's tree, so the cap on flattened answers cuts nothing off."""
    uses_query: bool = False
    """The builder puts answers into the address it posts to."""


def label_of(path: Path) -> str:
    """``("fields", "phone")`` -> ``phone``; ``("quiz", "name")`` -> ``quiz.name``."""
    if len(path) == 1:
        return path[0]
    kept = [part for part in path[:-1] if part.lower() not in CONTAINERS]
    return ".".join([*kept, path[-1]])


def plain_answers(body: Body) -> tuple[Answer, ...]:
    """Every pair as an answer, its label as it came."""
    return tuple([Answer(label_of(path), value) for path, value in body.pairs])


def answers_of(items: Iterable[tuple[str, Json, Meaning | None]]) -> tuple[Answer, ...]:
    """Label, value of any shape and meaning to answers; what is empty is left out."""
    answers: list[Answer] = []
    for label, value, meaning in items:
        told = said(value)
        if told:
            answers.append(Answer(clean(storable(label)) or "?", told, meaning))
        if len(answers) == MAX_FIELDS:
            break
    return tuple(answers)


def some(value: Json) -> str | None:
    """An id or name as text, None where there is none."""
    return said(value)[:200] or None
