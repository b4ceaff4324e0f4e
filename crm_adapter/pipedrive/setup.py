"""What ``leadgate crm check`` looks at in Pipedrive: whose token it is, and mapped fields. Makes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from crm_adapter.jsonclient import JsonClient
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.records import Kind
from crm_adapter.said import Said

Pages = Callable[[str, Mapping[str, Any]], AsyncIterator[dict[str, Any]]]

FIELDS = {Kind.CONTACT: "api/v2/personFields", Kind.LEAD: "api/v2/dealFields"}
"""Leads have the custom fields of deals."""
OWN_OF_LEADS = frozenset(
    {"label_ids", "value", "expected_close_date", "visible_to", "was_seen", "channel", "channel_id"}
)
"""Fields of leads that deals don't have, or under other names."""


async def examine(http: JsonClient, pages: Pages, fields: FieldMapping) -> Sequence[Examined]:
    """Raises CrmError where the token is not accepted, or may not read."""
    me = (await http.get("api/v1/users/me") or {}).get("data") or {}
    for path in ("api/v1/leads", "api/v2/persons", "api/v2/activities", "api/v1/notes"):
        await http.get(path, {"limit": 1})
    name = " ".join(str(me.get("name") or "-").split())
    said = (
        Said("is %(name)s's.", name=name)
        if me.get("is_admin")
        else Said("is %(name)s's, who is no administrator: records for others may be refused.", name=name)
    )
    found = [Examined(subject=Said("token"), said=said)]
    for kind, path in FIELDS.items():
        if wanted := fields.names(kind.value):
            known = {str(one.get("field_code") or one.get("key")) async for one in pages(path, {})}
            known |= OWN_OF_LEADS if kind is Kind.LEAD else set()
            found += [_field(name, kind, there=name in known) for name in wanted]
    return found


def _field(name: str, kind: Kind, *, there: bool) -> Examined:
    subject = Said("field %(name)s of a lead", name=name)
    if kind is Kind.CONTACT:
        subject = Said("field %(name)s of a person", name=name)
    if there:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said("Take the API key of the field: Company settings, Data fields, the three dots of the field.")
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)
