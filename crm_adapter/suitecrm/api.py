"""Requests to SuiteCRM's V8 API: records of modules as JSON:API documents."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Unavailable
from crm_adapter.jsonclient import JsonClient
from crm_adapter.said import Said
from crm_adapter.suitecrm.errors import DatabaseFailure, Taken
from crm_adapter.suitecrm.signin import ClientCredentials

PAGE = 50

Send = Callable[[str, Any], Awaitable[Any]]

Filter = Mapping[str, tuple[str, str]]
"""Field -> operator (``eq``, ``gte``, ``like``) and value."""
NEVER = ("gt", "1")
"""What no flag is. An old SuiteCRM adds "not deleted" to the conditions unless they have something of it; joined by OR
it would fit every record (its pull request 8492). What is deleted is left out by the list itself all the same."""

_WIDE = re.compile("[\U00010000-\U0010ffff]")


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

    async def check_there(self, module: str, record: str) -> None:
        """Raise Gone for a record that was deleted: SuiteCRM relates others to it all the same."""
        await self._http.get(f"module/{module}/{record}", {f"fields[{module}]": "date_entered"})

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

    async def pages(
        self, module: str, wanted: Filter, *, any_of: bool = False, sort: str | None = None
    ) -> AsyncIterator[Row]:
        """Records of all pages."""
        page = 1
        while True:
            rows = await self.list(module, wanted, any_of=any_of, sort=sort, page=page)
            for one in rows:
                yield one
            if len(rows) < PAGE:
                return
            page += 1

    async def fields(self, module: str) -> Collection[str] | None:
        """The names of a module's fields; None where SuiteCRM does not tell them."""
        try:
            found = await self._http.get(f"meta/fields/{module}")
        except (Rejected, Misconfigured):
            return None
        data = found.get("data") if isinstance(found, dict) else None
        names = data.get("attributes") if isinstance(data, dict) else None
        return set(names) if isinstance(names, dict) and names else None

    async def create(self, module: str, record: str, attributes: Mapping[str, Any]) -> bool:
        """Make the record under an id of ours. False: there is one already, which an earlier try made."""
        try:
            await self._write(self._http.post, module, record, attributes)
        except Taken:
            return False
        return True

    async def change(self, module: str, record: str, attributes: Mapping[str, Any]) -> None:
        """Change fields. Raises Gone."""
        await self._write(self._http.patch, module, record, attributes)

    async def _write(self, send: Send, module: str, record: str, attributes: Mapping[str, Any]) -> None:
        """A query that failed because of an emoji is tried again without: most databases of SuiteCRM take none."""
        data = {"type": module, "id": record}
        try:
            await send("module", {"data": {**data, "attributes": attributes}})
        except DatabaseFailure:
            plainer = narrowed(attributes)
            if plainer == attributes:
                raise
            await send("module", {"data": {**data, "attributes": plainer}})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._sign_in.close()


def narrow(text: str) -> str:
    """A text without emoji and other signs that a database made with ``utf8`` (three bytes a sign) does not take."""
    return _WIDE.sub("□", text)


def narrowed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The same for all texts of a record."""
    return {name: narrow(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _row(data: Any) -> Row:
    if not isinstance(data, dict) or not data.get("id"):
        raise Unavailable(Said("SuiteCRM answered without a record"))
    attributes = data.get("attributes")
    return Row(id=str(data["id"]), attributes=attributes if isinstance(attributes, dict) else {})
