"""Google Forms through the owner's Apps Script (docs/forms.md has one): ``namedValues``, each answer in a list."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.tree import at, said, table

_TIMES = frozenset({"timestamp", "отметка времени"})
"""How the sheet calls its first column."""
_ADDRESSES = frozenset({"email address", "адрес электронной почты", "электронная почта"})
"""The address that Google Forms itself asks for."""


def _recognises(body: Body) -> bool:
    return "namedValues" in body.roots and isinstance(at(body.tree, "namedValues"), dict)


def _read(body: Body) -> Reading:
    values = table(at(body.tree, "namedValues"))
    moment = next((said(value) for name, value in values.items() if name.strip().lower() in _TIMES), "")
    row = some(at(body.tree, "range", "rowStart")) or some(at(body.tree, "row"))
    return Reading(
        answers=answers_of(_answers(values)),
        sender_id=f"{moment}:{row}" if moment and row else None,
        form_name=some(at(body.tree, "form")),
    )


def _answers(values: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for question, answer in values.items():
        asked = question.strip().lower()
        if asked not in _TIMES:
            yield question, answer, Meaning.EMAIL if asked in _ADDRESSES else None


GOOGLE_FORMS = Preset(
    name="google_forms", cues=frozenset({"namedValues"}), recognises=_recognises, read=_read, whole=True
)
