"""Bitrix24: events (``ONCRMLEADADD``, ids only), the thing itself as we fetched it, and the outgoing webhook of a CRM
robot, with answers in its address.

The proof is ``auth[application_token]`` in the body (apidocs.bitrix24.com, events); ``auth`` also holds access tokens,
so nothing of it is shown.
"""

from __future__ import annotations

import re

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, answers_of, label_of, some
from gateway.webforms.proof import Proof, same
from gateway.webforms.tree import at, rows, said, table

_ONCE = ("ADD",)
"""Events of this ending happen once to a thing; others come again with another time."""
ENTITIES = {"lead": 1, "deal": 2, "contact": 3, "company": 4}
"""What can be asked for, and Bitrix24's ``entityTypeId`` of it."""
COMPLETED = "bitrix24_item"
"""Under which the fetched item stands, in a body of our own making."""
_EVENT = re.compile(r"ONCRM(LEAD|DEAL|CONTACT|COMPANY)(?:ADD|UPDATE)")
_FIELDS = {
    "name": Meaning.FIRST_NAME, "secondName": Meaning.MIDDLE_NAME, "lastName": Meaning.LAST_NAME,
    "companyTitle": Meaning.COMPANY, "comments": Meaning.MESSAGE, "sourceDescription": Meaning.OTHER,
}  # fmt: skip
_UTM = ("Source", "Medium", "Campaign", "Content", "Term")
_MULTI = {"PHONE": Meaning.PHONE, "EMAIL": Meaning.EMAIL}
_TAG = re.compile(r"<[^>]*>|\[/?[a-z]+\]")
"""Comments come with HTML or BBCode."""


def _recognises(body: Body) -> bool:
    roots = body.roots
    if COMPLETED in roots:
        return isinstance(at(body.tree, COMPLETED), dict)
    return "auth" in roots and ("event" in roots or "document_id" in roots) and isinstance(at(body.tree, "auth"), dict)


def _read(body: Body) -> Reading:
    if COMPLETED in body.roots:
        return _read_completed(body)
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
        wanted=_wanted(event, number),
    )


def _wanted(event: str, number: str | None) -> str | None:
    found = _EVENT.fullmatch(event)
    return f"{found[1].lower()}:{number}" if found and number and number.isascii() and number.isdigit() else None


def _read_completed(body: Body) -> Reading:
    """A lead has its person in itself, a deal in its contact."""
    entity, item = said(at(body.tree, "entity")), table(at(body.tree, COMPLETED))
    title = Meaning.COMPANY if entity == "company" else Meaning.SUBJECT
    answers: list[tuple[str, Json, Meaning | None]] = [("title", item.get("title"), title)]
    for thing in (item, table(at(body.tree, "contact"))):
        answers += [(name, _TAG.sub("", said(thing.get(name))), meaning) for name, meaning in _FIELDS.items()]
        answers += [
            (kind.lower(), one.get("value") or one.get("VALUE"), meaning)
            for kind, meaning in _MULTI.items()
            for one in (*_multi(thing, kind), *rows(thing.get(kind)))
        ]
        answers += [(name, value, Meaning.OTHER) for name, value in thing.items() if name.startswith("ufCrm")]
    answers += [(f"utm_{name.lower()}", item.get(f"utm{name}"), Meaning.UTM) for name in _UTM]
    return Reading(answers=answers_of(answers))


def _multi(thing: dict[str, Json], kind: str) -> list[dict[str, Json]]:
    return [one for one in rows(thing.get("fm")) if said(one.get("typeId")) == kind]


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
    name="bitrix24",
    cues=frozenset({"auth", COMPLETED}),
    recognises=_recognises,
    read=_read,
    verify=_verify,
    whole=True,
    uses_query=True,
)
