"""What ``leadgate crm check`` finds out about an amoCRM. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from crm_adapter.amocrm.bodies import MARKER_CODE
from crm_adapter.base import Misconfigured, Rejected
from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.said import Said

ENTITIES = {"contact": "contacts", "lead": "leads"}


class Pages(Protocol):
    """Reads a list to its end."""

    def __call__(self, path: str, name: str, query: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]: ...


async def examine(
    http: JsonClient, api: str, pages: Pages, mapping: FieldMapping, *, users_by_hand: bool
) -> list[Examined]:
    """The account, the users, the field for our marker, the mapped fields."""
    account = await http.get(f"{api}/account") or {}
    name = " ".join(str(account.get("name") or account.get("id") or "").split())
    found = [Examined(subject=Said("account"), said=Said("%(name)s lets us in.", name=name))]
    found.append(await _users(http, api, by_hand=users_by_hand))
    for kind, entity in ENTITIES.items():
        fields = [one async for one in pages(f"{entity}/custom_fields", "custom_fields", {})]
        known = {str(one.get("id")) for one in fields} | {str(one["code"]) for one in fields if one.get("code")}
        if kind == "lead":
            found.append(_marker(known))
        found += [_field(name, known, kind) for name in mapping.names(kind)]
    return found


async def _users(http: JsonClient, api: str, *, by_hand: bool) -> Examined:
    """Only an administrator may list them; who names them in the configuration needs no list."""
    subject = Said("list of users")
    try:
        await http.get(f"{api}/users", {"limit": 1})
    except (Misconfigured, Rejected) as error:
        remedy = Said("Connect the integration as an administrator, or name the users in the configuration.")
        said = Said("can't be read: %(words)s.", words=error.args[0])
        return Examined(subject=subject, said=said, ok=by_hand, remedy=remedy)
    return Examined(subject=subject, said=Said("can be read."))


def _marker(known: Collection[str]) -> Examined:
    subject = Said("field %(name)s of leads", name=MARKER_CODE)
    if MARKER_CODE in known:
        return Examined(subject=subject, said=Said("is there."))
    said = Said("will be made with the first lead; that needs an administrator's token.")
    return Examined(subject=subject, said=said)


def _field(name: str, known: Collection[str], kind: str) -> Examined:
    subject = Said("field %(name)s", name=name)
    if name in known:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said("Write its number (in the address of the field's settings) or its code as amoCRM has it.")
    return Examined(subject=subject, said=Said("is no field of a %(kind)s.", kind=kind), ok=False, remedy=remedy)
