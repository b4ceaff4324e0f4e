"""amoCRM webhooks (amocrm.ru/developers, webhooks-format): ``leads[add][0][id]``, ``contacts[update][0][name]``.

One body may carry several things; each is an item of its own. There is no signature: the key is in the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.tree import at, rows, table

_THINGS = ("leads", "contacts", "companies", "unsorted", "customers", "message", "talk")
_ACTIONS = ("add", "update", "status", "responsible", "restore", "delete", "note")
_CODES = {"PHONE": Meaning.PHONE, "EMAIL": Meaning.EMAIL}
_TITLES = {"leads": Meaning.SUBJECT, "contacts": Meaning.NAME, "companies": Meaning.COMPANY}
"""What the ``name`` of a thing is: a deal's is its title, not the customer's."""
CONTACT = "deal_contact"
"""Under which the contact of a deal stands, in a body of our own making."""
_OF_CONTACT = ("name", "custom_fields_values", "custom_fields")
_OWN = frozenset(
    {"created_user_id", "modified_user_id", "main_user_id", "account_id", "created_by", "updated_by",
     "_links", "_embedded", "group_id", "created_at", "updated_at", "closed_at", "closest_task_at", "is_deleted",
     "loss_reason_id", "score", "labor_cost"}
)  # fmt: skip


def _things(body: Body) -> list[tuple[str, str, dict[str, Json]]]:
    """Entity, action and the thing itself."""
    tree = table(body.tree)
    if "account" not in tree:
        return []
    return [
        (entity, action, thing) for entity in _THINGS for action in _ACTIONS for thing in rows(at(tree, entity, action))
    ]


def _recognises(body: Body) -> bool:
    return "account" in body.roots and bool(_things(body))


def _read(body: Body) -> Reading:
    entity, action, thing = _things(body)[0]
    number = some(thing.get("id")) or some(thing.get("uid"))
    moment = "" if action == "add" else f":{some(thing.get('last_modified')) or some(thing.get('updated_at'))}"
    answers = list(_answers(entity, thing))
    contact = table(at(body.tree, CONTACT))
    wanted = None
    if contact:
        answers += _answers("contacts", {name: value for name, value in contact.items() if name in _OF_CONTACT})
    elif entity == "leads" and action in ("add", "update", "status") and not _reachable(answers):
        wanted = number if number is not None and number.isascii() and number.isdigit() else None
    return Reading(
        answers=answers_of(answers),
        sender_id=f"{entity}:{action}:{number}{moment}" if number else None,
        form_id=some(at(body.tree, "account", "subdomain")),
        form_name=f"{entity}.{action}",
        wanted=wanted,
        problems=(f"amoCRM sent the deal {number} without its contact: open it in the CRM.",) if wanted else (),
    )


def _reachable(answers: Sequence[tuple[str, Json, Meaning | None]]) -> bool:
    return any(meaning in (Meaning.PHONE, Meaning.EMAIL) for _, _, meaning in answers)


def _answers(entity: str, thing: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for name, value in thing.items():
        if name in ("custom_fields", "custom_fields_values"):
            for field in rows(value):
                code = some(field.get("code")) or some(field.get("field_code")) or ""
                label = some(field.get("name")) or some(field.get("field_name")) or code
                values = [one.get("value") for one in rows(field.get("values"))]
                yield label, values, _CODES.get(code)
        elif name == "name":
            yield name, value, _TITLES.get(entity, Meaning.OTHER)
        elif name == "tags":
            yield name, [tag.get("name") for tag in rows(value)], Meaning.OTHER
        elif name not in _OWN:
            yield name, value, None


def _split(body: Body) -> Sequence[Json]:
    account = at(body.tree, "account")
    return [{"account": account, entity: {action: [thing]}} for entity, action, thing in _things(body)]


AMOCRM = Preset(
    name="amocrm", cues=frozenset({"account"}), recognises=_recognises, read=_read, split=_split, whole=True
)
