"""The names of Bitrix24's fields: as its interface takes them, as its pages show them, and which must be filled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crm_adapter.bitrix24.portal import Portal

SHOWN = "UF_"
"""Beginning of a custom field's name as it stands in Bitrix24's own settings (UF_CRM_1700000000). The methods
``crm.item.*`` take ``ufCrm_1700000000``, and pass over what they don't know without a word."""


class FieldNames:
    """What ``crm.item.fields`` says, asked for once for each kind of record."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._known: dict[int, Mapping[str, Mapping[str, Any]]] = {}

    async def known(self, type_id: int) -> Mapping[str, Mapping[str, Any]]:
        """Name for the interface -> what the field is."""
        if type_id not in self._known:
            found = await self._portal.call("crm.item.fields", {"entityTypeId": type_id})
            self._known[type_id] = found["fields"]
        return self._known[type_id]

    async def taken(self, type_id: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` under the names that the interface takes."""
        if not any(name.startswith(SHOWN) for name in values):
            return dict(values)
        names = by_shown_name(await self.known(type_id))
        return {names.get(name, name): value for name, value in values.items()}


def by_shown_name(known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Name in the settings of Bitrix24 -> name for its interface."""
    return {str(field.get("upperName")): name for name, field in known.items()}


def must_be_filled(known: Mapping[str, Mapping[str, Any]], ours: Iterable[str]) -> list[str]:
    """Fields without which no record is made, and that we don't fill."""
    filled = {*ours}
    return sorted(
        name
        for name, field in known.items()
        if field.get("isRequired") is True and field.get("isReadOnly") is not True and name not in filled
    )
