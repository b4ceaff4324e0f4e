"""Typeform (typeform.com/developers/webhooks): answers without questions, which stand in ``definition``.

It switches a hook off for good at the first 404 or 410, and signs the raw body with HMAC-SHA256 in Base64.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, hmac_base64, same
from gateway.webforms.tree import at, rows, table

_TYPES = {"phone_number": Meaning.PHONE, "email": Meaning.EMAIL}
_FIELD_TYPES = {"long_text": Meaning.MESSAGE, "legal": Meaning.CONSENT}


def _recognises(body: Body) -> bool:
    return "form_response" in body.roots and isinstance(at(body.tree, "form_response", "answers"), list)


def _read(body: Body) -> Reading:
    response = table(at(body.tree, "form_response"))
    return Reading(
        answers=answers_of(_answers(response)),
        sender_id=some(response.get("token")) or some(at(body.tree, "event_id")),
        form_id=some(response.get("form_id")),
        form_name=some(at(response, "definition", "title")),
    )


def _answers(response: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    titles = {some(field.get("id")): some(field.get("title")) for field in rows(at(response, "definition", "fields"))}
    for answer in rows(response.get("answers")):
        kind = some(answer.get("type")) or ""
        field = table(answer.get("field"))
        label = titles.get(some(field.get("id"))) or some(field.get("title")) or some(field.get("ref")) or kind
        meaning = _TYPES.get(kind) or _FIELD_TYPES.get(some(field.get("type")) or "")
        yield label, _value(answer.get(kind)), meaning
    for name, value in table(response.get("hidden")).items():
        yield name, value, None


def _value(value: Json) -> Json:
    """A choice carries its label among ids, several carry ``labels``; ``other`` is what the visitor wrote instead."""
    if isinstance(value, dict) and ("label" in value or "labels" in value or "other" in value):
        return [value.get("label"), value.get("labels"), value.get("other")]
    return value


def _verify(proof: Proof, secret: str) -> bool:
    return same(proof.header("typeform-signature"), "sha256=" + hmac_base64(secret, proof.raw))


TYPEFORM = Preset(
    name="typeform", cues=frozenset({"form_response"}), recognises=_recognises, read=_read, verify=_verify, whole=True
)
