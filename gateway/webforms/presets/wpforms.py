"""WPForms webhooks (WordPress): the entry's fields with name, type and value, or whatever keys its owner chose.

Chosen keys have no shape of their own but for the smart tags ``entry_id`` and ``form_id``.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.tree import at, rows, table

_TYPES = {
    "phone": Meaning.PHONE, "email": Meaning.EMAIL, "textarea": Meaning.MESSAGE, "gdpr-checkbox": Meaning.CONSENT,
}  # fmt: skip
_SERVICE = frozenset({"entry_id", "form_id", "form_name", "form_title", "fields"})


def _recognises(body: Body) -> bool:
    return {"entry_id", "form_id"} <= body.roots or ("fields" in body.roots and bool(_fields(body)))


def _fields(body: Body) -> list[dict[str, Json]]:
    found = rows(at(body.tree, "fields"))
    wanted = {"name", "type", "value"}
    return found if found and all(wanted <= field.keys() and "title" not in field for field in found) else []


def _read(body: Body) -> Reading:
    tree = table(body.tree)
    number, form = some(tree.get("entry_id")), some(tree.get("form_id"))
    return Reading(
        answers=answers_of([*_named(body), *_chosen(tree)]),
        sender_id=f"{form}:{number}" if number else None,
        form_id=form,
        form_name=some(tree.get("form_title")) or some(tree.get("form_name")),
    )


def _named(body: Body) -> Iterator[tuple[str, Json, Meaning | None]]:
    for field in _fields(body):
        label, kind = some(field.get("name")) or "?", some(field.get("type")) or ""
        if kind == "name" and (field.get("first") or field.get("last")):
            yield f"{label} (first)", field.get("first"), Meaning.FIRST_NAME
            yield f"{label} (middle)", field.get("middle"), Meaning.MIDDLE_NAME
            yield f"{label} (last)", field.get("last"), Meaning.LAST_NAME
        else:
            yield label, field.get("value"), _TYPES.get(kind)


def _chosen(tree: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for name, value in tree.items():
        if name not in _SERVICE:
            yield name, value, None


WPFORMS = Preset(name="wpforms", cues=frozenset({"entry_id", "fields"}), recognises=_recognises, read=_read, whole=True)
