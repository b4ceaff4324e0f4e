"""Requests to SuiteCRM's V8 API: records of modules as JSON:API documents."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm_adapter.base import Unavailable
from crm_adapter.jsonclient import JsonClient
from crm_adapter.suitecrm.errors import Taken
from crm_adapter.suitecrm.signin import ClientCredentials

PAGE = 50

Filter = Mapping[str, tuple[str, str]]
"""Field -> operator (``eq``, ``gte``) and value."""
NEVER = ("gt", "1")
"""What no flag is. SuiteCRM adds "not deleted" to the conditions unless they have something of it; joined by OR it
would fit every record. What is deleted is left out by the list itself all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record."""

    id: str
    attributes: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field as people see it: SuiteCRM keeps and gives texts with HTML entities."""
        return html.unescape(str(self.attributes.get(name) or ""))


class SuiteApi:
    """One SuiteCRM."""

    def __init__(self, http: JsonClient, sign_in: ClientCredentials) -> None:
        self._http = http
        self._sign_in = sign_in

    async def get(self, module: str, record: str) -> Row:
        """One record. Raises Gone."""
        return _row((await self._http.get(f"module/{module}/{record}") or {}).get("data"))

    async def list(
        self, module: str, wanted: Filter, *, any_of: bool = False, sort: str | None = None, page: int = 1,
        size: int = PAGE,
    ) -> list[Row]:  # fmt: skip
        """One page of records. All of ``wanted`` must fit, or with ``any_of`` one."""
        wanted = {**wanted, "deleted": NEVER} if any_of else wanted
        query = {"filter[operator]": "or"} if any_of else {}
        query |= {f"filter[{field}][{how}]": value for field, (how, value) in wanted.items()}
        query |= {"page[number]": str(page), "page[size]": str(size), **({"sort": sort} if sort else {})}
        data = (await self._http.get(f"module/{module}", query) or {}).get("data")
        return [_row(one) for one in data] if isinstance(data, list) else []

    async def pages(self, module: str, wanted: Filter, *, sort: str | None = None) -> AsyncIterator[Row]:
        """Records of all pages."""
        page = 1
        while True:
            rows = await self.list(module, wanted, sort=sort, page=page)
            for one in rows:
                yield one
            if len(rows) < PAGE:
                return
            page += 1

    async def create(self, module: str, record: str, attributes: Mapping[str, Any]) -> str:
        """Make the record under an id of ours; one that is there already is the one that an earlier try made."""
        body = {"data": {"type": module, "id": record, "attributes": attributes}}
        try:
            await self._http.post("module", body)
        except Taken:
            return record
        return record

    async def change(self, module: str, record: str, attributes: Mapping[str, Any]) -> None:
        """Change fields. Raises Gone."""
        await self._http.patch("module", {"data": {"type": module, "id": record, "attributes": attributes}})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._sign_in.close()


def _row(data: Any) -> Row:
    if not isinstance(data, dict) or not data.get("id"):
        raise Unavailable("SuiteCRM answered without a record")
    attributes = data.get("attributes")
    return Row(id=str(data["id"]), attributes=attributes if isinstance(attributes, dict) else {})
