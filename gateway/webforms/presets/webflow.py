"""Webflow forms in both envelopes: v2 ``{triggerType, payload: {data}}``, v1 without the outer one.

Hooks of apps sign ``timestamp:body`` with HMAC-SHA256 in hexadecimal (developers.webflow.com, working with webhooks).
"""

from __future__ import annotations

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, hmac_hex, is_recent, same
from gateway.webforms.tree import at, table

MILLISECONDS = 1000


def _payload(body: Body) -> dict[str, Json] | None:
    if "triggerType" in body.roots:
        return table(at(body.tree, "payload")) if at(body.tree, "triggerType") == "form_submission" else None
    tree = table(body.tree)
    return tree if "site" in body.roots and "name" in body.roots and isinstance(tree.get("data"), dict) else None


def _recognises(body: Body) -> bool:
    return _payload(body) is not None


def _read(body: Body) -> Reading:
    payload = table(_payload(body))
    data: list[tuple[str, Json, Meaning | None]] = [
        (label, value, None) for label, value in table(payload.get("data")).items()
    ]
    return Reading(
        answers=answers_of([*data, ("page_url", payload.get("pageUrl"), Meaning.PAGE)]),
        sender_id=some(payload.get("id")) or some(payload.get("_id")),
        form_id=some(payload.get("formId")),
        form_name=some(payload.get("name")),
    )


def _verify(proof: Proof, secret: str) -> bool:
    stamp = proof.header("x-webflow-timestamp")
    recent = is_recent(stamp, proof.now, per_second=MILLISECONDS)
    return recent and same(proof.header("x-webflow-signature"), hmac_hex(secret, stamp.encode(), b":", proof.raw))


WEBFLOW = Preset(
    name="webflow",
    cues=frozenset({"triggerType", "site"}),
    recognises=_recognises,
    read=_read,
    verify=_verify,
    whole=True,
)
