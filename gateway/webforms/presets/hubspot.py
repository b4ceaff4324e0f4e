"""HubSpot: the webhook of a workflow, a contact with its properties; and app subscriptions, which carry ids only.

Signature v3 (developers.hubspot.com, validating requests): HMAC-SHA256 of method, address, body and time, in Base64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.proof import Proof, hmac_base64, is_recent, same
from gateway.webforms.tree import at, rows, table

MILLISECONDS = 1000
_NAMES = {
    "firstname": Meaning.FIRST_NAME, "lastname": Meaning.LAST_NAME, "phone": Meaning.PHONE,
    "mobilephone": Meaning.PHONE, "email": Meaning.EMAIL, "company": Meaning.COMPANY, "message": Meaning.MESSAGE,
}  # fmt: skip
_CONTACTS = "0-1"
"""HubSpot's number of the object type, in events of the newer kind (``object.creation``)."""
_GONE = ("deletion", "privacyDeletion", "merge")
"""Events about contacts that can no longer be asked for."""
_OWN = ("hs_", "hubspot", "createdate", "lastmodifieddate", "lifecyclestage", "num_", "recent_", "first_conversion")
"""HubSpot keeps a hundred properties of its own about a contact; nobody filled them in."""
FETCHED = (*_NAMES, "city", "country", "website", "jobtitle")
"""What we ask for about a contact of which only the number came."""


def _recognises(body: Body) -> bool:
    tree = body.tree
    if isinstance(tree, list):
        return bool(_events(tree))
    known = "vid" in body.roots or "canonical-vid" in body.roots or "objectId" in body.roots
    return known and (isinstance(at(tree, "properties"), dict) or "subscriptionType" in body.roots)


def _events(tree: Json) -> list[dict[str, Json]]:
    return [event for event in rows(tree) if "subscriptionType" in event and "objectId" in event]


def _read(body: Body) -> Reading:
    tree = body.tree
    event = table(tree[0] if isinstance(tree, list) else tree)
    if "properties" not in event:
        return _read_thin(event)
    visits = rows(event.get("form-submissions"))
    return Reading(
        answers=answers_of([*_properties(event), *_visit(visits)]),
        sender_id=some(visits[-1].get("conversion-id")) if visits else None,
        form_id=some(visits[-1].get("form-id")) if visits else None,
        form_name=some(visits[-1].get("title")) if visits else None,
    )


def _properties(event: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for name, value in table(event.get("properties")).items():
        if not name.startswith(_OWN):
            yield name, value.get("value") if isinstance(value, dict) else value, _NAMES.get(name)


def _visit(visits: list[dict[str, Json]]) -> Iterator[tuple[str, Json, Meaning | None]]:
    if visits:
        yield "page_url", visits[-1].get("page-url"), Meaning.PAGE


def _read_thin(event: dict[str, Json]) -> Reading:
    kind, number = some(event.get("subscriptionType")) or "event", some(event.get("objectId"))
    is_contact = kind.startswith("contact.") or some(event.get("objectTypeId")) == _CONTACTS
    return Reading(
        answers=answers_of(
            [(kind, number, None), (some(event.get("propertyName")) or "?", event.get("propertyValue"), None)]
        ),
        sender_id=some(event.get("eventId")),
        problems=(f"HubSpot sent only the number {number} of what changed: open it there.",),
        wanted=number if number is not None and is_contact and not kind.endswith(_GONE) else None,
    )


def _split(body: Body) -> Sequence[Json]:
    return _events(body.tree) if isinstance(body.tree, list) else ()


def _verify(proof: Proof, secret: str) -> bool:
    stamp, given = proof.header("x-hubspot-request-timestamp"), proof.header("x-hubspot-signature-v3")
    if not is_recent(stamp, proof.now, per_second=MILLISECONDS):
        return False
    rest = proof.url.partition("://")[2]
    addresses = [f"{scheme}://{rest}".encode() for scheme in ("https", "http")]  # a proxy may have taken the TLS off
    return any(same(given, hmac_base64(secret, b"POST", address, proof.raw, stamp.encode())) for address in addresses)


HUBSPOT = Preset(
    name="hubspot",
    cues=frozenset({"vid", "canonical-vid", "objectId", "0"}),
    recognises=_recognises,
    read=_read,
    verify=_verify,
    split=_split,
    whole=True,
)
