"""Bitrix24: events (``ONCRMLEADADD``, ids only) and the outgoing webhook of a CRM robot, with answers in its address.

The proof is ``auth[application_token]`` in the body (apidocs.bitrix24.com, events); ``auth`` also holds access tokens,
so nothing of it is shown.
"""

from __future__ import annotations

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of, some
from gateway.webforms.proof import Proof, same
from gateway.webforms.tree import at, said

_ONCE = ("ADD",)
"""Events of this ending happen once to a thing; others come again with another time."""


def _recognises(body: Body) -> bool:
    roots = body.roots
    return "auth" in roots and ("event" in roots or "document_id" in roots) and isinstance(at(body.tree, "auth"), dict)


def _read(body: Body) -> Reading:
    event = body.value("event")
    if event is None:
        return _read_robot(body)
    number = some(at(body.tree, "data", "FIELDS", "ID")) or some(at(body.tree, "data", "FIELDS", "id"))
    answers = [Answer(label_of(path), value, Meaning.OTHER) for path, value in body.pairs if path[0] == "data"]
    unique = f"{event}:{number}" if event.endswith(_ONCE) else f"{event}:{number}:{body.value('ts')}"
    return Reading(
        answers=(Answer("event", event, Meaning.SUBJECT), *answers),
        sender_id=unique if number else None,
        form_id=_portal(body),
        problems=(f"Bitrix24 sent only the number {number}: open it in the CRM.",),
        thin=True,
    )


def _read_robot(body: Body) -> Reading:
    """The robot's own fields stand in the address, so they are answers; the document is named in the body."""
    document = said(at(body.tree, "document_id"))
    kept = (pair for pair in body.pairs if pair[0][0] not in ("auth", "document_id"))
    return Reading(
        answers=(
            *(Answer(label_of(path), value) for path, value in kept),
            Answer("document_id", document, Meaning.OTHER),
        ),
        form_id=_portal(body),
    )


def _portal(body: Body) -> str | None:
    return some(at(body.tree, "auth", "domain"))


def _verify(proof: Proof, secret: str) -> bool:
    token: Json = at(proof.body.tree, "auth", "application_token")
    return same(said(token), secret)


BITRIX24 = Preset(
    name="bitrix24", cues=frozenset({"auth"}), recognises=_recognises, read=_read, verify=_verify, uses_query=True
)
