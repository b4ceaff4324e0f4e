"""Requests to EspoCRM's REST API: signed by a key or by HMAC, with filters as its lists take them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from crm_adapter.base import Gone
from crm_adapter.espocrm.errors import judge
from crm_adapter.jsonclient import JsonClient
from crm_adapter.said import Said

PAGE = 100
"""Entries of a page; EspoCRM gives at most 200."""

Filter = tuple[str, str, Any]
"""Type, attribute and value of one "where item"."""


class EspoApi:
    """One EspoCRM."""

    def __init__(self, http: JsonClient, *, api_key: str, secret: str | None) -> None:
        self._http = http
        self._key = api_key
        self._secret = secret

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """A record, or what else is at ``path``. How many there are is not asked for: on large tables that is slow."""
        return await self._ask("GET", path, query=query, headers={"X-No-Total": "true"})

    async def record(self, entity: str, record: object, *, select: str | None = None) -> dict[str, Any]:
        """One record. Raises Gone, for a deleted one too, which EspoCRM shows to administrators."""
        found = await self.get(f"{entity}/{safe(record)}", {"select": select} if select else None)
        found = found if isinstance(found, dict) else {}
        if found.get("deleted") is True:
            raise Gone(Said("%(entity)s %(record)s was deleted in EspoCRM", entity=entity, record=record))
        return found

    async def post(self, path: str, body: Mapping[str, Any], *, skip_duplicates: bool = False) -> dict[str, Any]:
        """The record that was made. Raises Duplicate where EspoCRM checks for doubles, unless they are skipped."""
        more = {"X-Skip-Duplicate-Check": "true"} if skip_duplicates else {}
        made: dict[str, Any] = await self._ask("POST", path, body=body, headers=more)
        return made

    async def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Change a record."""
        await self._ask("PUT", path, body=body)

    async def list(self, path: str, filters: Sequence[Filter] = (), **more: Any) -> list[dict[str, Any]]:
        """One page of records that fit all ``filters``; ``more``: select, orderBy, order, maxSize, offset."""
        found = await self.get(path, {**_where(filters), **more})
        rows = found.get("list") if isinstance(found, dict) else None
        return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []

    async def pages(self, path: str, filters: Sequence[Filter] = (), **more: Any) -> AsyncIterator[dict[str, Any]]:
        """Records of all pages."""
        offset = 0
        while True:
            rows = await self.list(path, filters, maxSize=PAGE, offset=offset, **more)
            for one in rows:
                yield one
            if len(rows) < PAGE:
                return
            offset += PAGE

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        target = f"{path}?{urlencode(query, doseq=True)}" if query else path
        signed = {**self._signature(method, path), **(headers or {})}
        answer = await self._http.exchange(method, target, body, headers=signed)
        judge(answer)
        return answer.json() if answer.body.strip() else None

    def _signature(self, method: str, path: str) -> dict[str, str]:
        """HMAC signs the method and the path without its query (documentation, "HMAC Authentication")."""
        if self._secret is None:
            return {"X-Api-Key": self._key}
        digest = hmac.new(self._secret.encode(), f"{method} /{path}".encode(), hashlib.sha256).digest()
        return {"X-Hmac-Authorization": base64.b64encode(self._key.encode() + b":" + digest).decode()}


def safe(record: object) -> str:
    """An id as a part of a path."""
    return quote(str(record), safe="")


def _where(filters: Sequence[Filter]) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for place, (kind, attribute, value) in enumerate(filters):
        query[f"where[{place}][type]"] = kind
        query[f"where[{place}][attribute]"] = attribute
        several = isinstance(value, list | tuple)
        query[f"where[{place}][value]{'[]' if several else ''}"] = value
    return query
