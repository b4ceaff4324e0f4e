"""What ``leadgate crm check`` looks at in Zoho: scopes, the fields to be made, mapped fields. Makes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.records import Kind
from crm_adapter.said import Said

MODULES = {Kind.CONTACT: "Contacts", Kind.LEAD: "Leads", Kind.CALL: "Calls"}


async def examine(http: JsonClient, fields: FieldMapping, *, marker: str, link: str) -> Sequence[Examined]:
    """Module by module. Raises CrmError where the token is not accepted, or a scope is missing."""
    query = "select id from Contacts where Last_Name = 'Leadgate' limit 1"
    await http.post("coql", {"select_query": query})
    found = []
    for kind, module in MODULES.items():
        document = await http.get("settings/fields", {"module": module})
        known = {str(one["api_name"]): one for one in (document or {}).get("fields") or ()}
        found.append(_marker(f"{module}.{marker}", known.get(marker)))
        if kind is Kind.LEAD:
            found.append(_link(f"{module}.{link}", known.get(link)))
        found += [_mapped(f"{module}.{name}", known.get(name)) for name in fields.names(kind.value)]
    return found


def _marker(subject: str, field: Mapping[str, Any] | None) -> Examined:
    if field is not None and field.get("unique"):
        return Examined(subject=subject, said=Said("is there."))
    said = Said("is missing, or takes the same value twice.")
    remedy = Said("Make a single line field, and tick: do not allow duplicate values.")
    return Examined(subject=subject, said=said, ok=False, remedy=remedy)


def _link(subject: str, field: Mapping[str, Any] | None) -> Examined:
    if field is not None:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said("Make a lookup field to Contacts.")
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)


def _mapped(subject: str, field: Mapping[str, Any] | None) -> Examined:
    """Zoho silently ignores a field that it does not know."""
    if field is None:
        remedy = Said("Look at the API names of the fields in Zoho's settings; without it the value would be lost.")
        return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)
    if field.get("read_only") or field.get("field_read_only"):
        return Examined(subject=subject, said=Said("can't be written."), ok=False, remedy=Said("Map another field."))
    return Examined(subject=subject, said=Said("is there."))
