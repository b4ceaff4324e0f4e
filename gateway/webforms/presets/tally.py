"""Tally (tally.so): ``data.fields`` with label and value; choices are ids that ``options`` names.

It signs the raw body with HMAC-SHA256 in Base64 (``Tally-Signature``).
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, hmac_base64, same
from gateway.webforms.tree import at, rows, said, table

_TYPES = {
    "INPUT_EMAIL": Meaning.EMAIL,
    "INPUT_PHONE_NUMBER": Meaning.PHONE,
    "TEXTAREA": Meaning.MESSAGE,
}


def _recognises(body: Body) -> bool:
    return "data" in body.roots and "eventType" in body.roots and isinstance(at(body.tree, "data", "fields"), list)


def _read(body: Body) -> Reading:
    data = table(at(body.tree, "data"))
    return Reading(
        answers=answers_of(_answers(data)),
        sender_id=some(data.get("responseId")) or some(at(body.tree, "eventId")),
        form_id=some(data.get("formId")),
        form_name=some(data.get("formName")),
    )


def _answers(data: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for field in rows(data.get("fields")):
        kind, value = some(field.get("type")) or "", field.get("value")
        if kind == "CHECKBOXES" and isinstance(value, bool):
            continue  # each box again, one by one; the list of the ticked ones came before
        label = some(field.get("label")) or some(field.get("key")) or kind
        yield label, _named(value, field), _TYPES.get(kind)


def _named(value: Json, field: dict[str, Json]) -> Json:
    """Chosen ids by the words that the visitor saw; files by their names and addresses."""
    names = {some(option.get("id")): said(option.get("text")) for option in rows(field.get("options"))}
    values = value if isinstance(value, list) else [value]
    if any(isinstance(one, dict) and "url" in one for one in values):
        return [f"{said(one.get('name'))} {said(one.get('url'))}".strip() for one in rows(values)]
    return [names.get(some(one)) or one for one in values] if names else value


def _verify(proof: Proof, secret: str) -> bool:
    return same(proof.header("tally-signature"), hmac_base64(secret, proof.raw))


TALLY = Preset(
    name="tally", cues=frozenset({"eventType"}), recognises=_recognises, read=_read, verify=_verify, whole=True
)
