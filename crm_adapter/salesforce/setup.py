"""What ``leadgate crm check`` looks at in Salesforce: rights, the fields to be made, mapped fields. Makes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.said import Said
from crm_adapter.salesforce.bodies import OBJECTS
from crm_adapter.salesforce.errors import GONE, Refusal

FILES = "ContentVersion"


async def examine(http: JsonClient, fields: FieldMapping, *, marker: str, link: str) -> Sequence[Examined]:
    """Object by object. Raises CrmError where nothing can be asked at all."""
    found: list[Examined] = []
    for name in ("Contact", "Lead", "Task"):
        described = await _described(http, name)
        found += _rights(name, described, ways=("createable", "updateable"))
        if described is None:
            continue
        known = {str(one["name"]): one for one in described.get("fields") or ()}
        found.append(_marker(f"{name}.{marker}", known.get(marker)))
        if name == "Lead":
            found.append(_link(f"{name}.{link}", known.get(link)))
        kinds = [kind for kind, wanted in OBJECTS.items() if wanted == name]
        wanted = dict.fromkeys(one for kind in kinds for one in fields.names(kind.value))
        found += [_mapped(f"{name}.{one}", known.get(one)) for one in wanted]
    return found + _rights(FILES, await _described(http, FILES), ways=("createable",))


async def _described(http: JsonClient, name: str) -> Mapping[str, Any] | None:
    """None for an object that we may not see."""
    try:
        document: Mapping[str, Any] = await http.get(f"sobjects/{name}/describe")
    except Refusal as error:
        if error.error_code in GONE:
            return None
        raise
    return document


def _rights(name: str, described: Mapping[str, Any] | None, *, ways: Sequence[str]) -> list[Examined]:
    if described is not None and all(described.get(way, True) for way in ways):
        return [Examined(subject=name, said=Said("can be written."))]
    remedy = Said("Give the user of the connected app the rights to read, create and edit it.")
    if name == FILES:
        remedy = Said("Give the user of the connected app the right to create files; recordings are uploaded.")
    return [Examined(subject=name, said=Said("can't be written."), ok=False, remedy=remedy)]


def _marker(subject: str, field: Mapping[str, Any] | None) -> Examined:
    if field and field.get("externalId") and field.get("unique"):
        return Examined(subject=subject, said=Said("is there."))
    said = Said("is missing, not visible, or no unique external id.")
    remedy = Said("Make a text field of length 36, with External ID and Unique, visible to the app's user.")
    return Examined(subject=subject, said=said, ok=False, remedy=remedy)


def _link(subject: str, field: Mapping[str, Any] | None) -> Examined:
    if field is not None:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said("Make a lookup to Contact, visible to the app's user.")
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)


def _mapped(subject: str, field: Mapping[str, Any] | None) -> Examined:
    if field is None:
        remedy = Said("Make it, or make it visible to the app's user; the API name counts, custom ones end with __c.")
        return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)
    if not field.get("createable", True):
        remedy = Said("Let the app's user edit it (field-level security), or map another field.")
        return Examined(subject=subject, said=Said("can't be written."), ok=False, remedy=remedy)
    return Examined(subject=subject, said=Said("is there."))
