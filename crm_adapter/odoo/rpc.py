"""The two ways to call Odoo: JSON-2 (19 and later) and JSON-RPC (14 to 18).

Sources: odoo.com/documentation/19.0, "External JSON-2 API"; odoo.com/documentation/18.0, "External RPC API".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from crm_adapter.base import Misconfigured, Rejected, Unavailable
from crm_adapter.guard import Guard
from crm_adapter.jsonclient import FixedHeaders, JsonClient
from crm_adapter.odoo.errors import judge_json2, judge_jsonrpc
from crm_adapter.said import Said


class Caller(Protocol):
    """One way."""

    base_url: str

    async def call(self, model: str, method: str, named: Mapping[str, Any], ids: Sequence[int] | None = None) -> Any:
        """The method's result. ``named``: its arguments in the order of its signature, none left out."""
        ...

    async def may_create(self, model: str) -> bool:
        """Whether the user has that right."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Json2:
    """Implements ``Caller`` with an API key."""

    def __init__(self, url: str, guard: Guard, *, database: str, key: str, timeout: float) -> None:
        sign_in = FixedHeaders({"Authorization": f"bearer {key}", "X-Odoo-Database": database})
        self._http = JsonClient(url, guard, sign_in=sign_in, judge=judge_json2, timeout=timeout)
        self.base_url = self._http.base_url

    async def call(self, model: str, method: str, named: Mapping[str, Any], ids: Sequence[int] | None = None) -> Any:
        """``POST /json/2/<model>/<method>``."""
        body = {**({"ids": list(ids)} if ids is not None else {}), **named}
        return await self._http.post(f"json/2/{model}/{method}", body)

    async def may_create(self, model: str) -> bool:
        """By ``has_access`` of 18 and later."""
        return bool(await self.call(model, "has_access", {"operation": "create"}, ids=[]))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class JsonRpc:
    """Implements ``Caller`` with a login and its password or API key."""

    def __init__(self, url: str, guard: Guard, *, database: str, login: str, key: str, timeout: float) -> None:
        self._http = JsonClient(url, guard, judge=judge_jsonrpc, timeout=timeout)
        self.base_url = self._http.base_url
        self._database = database
        self._login = login
        self._key = key
        self._user: int | None = None
        self._asking = asyncio.Lock()

    async def call(self, model: str, method: str, named: Mapping[str, Any], ids: Sequence[int] | None = None) -> Any:
        """``execute_kw``; arguments go by their place, because decorated methods of old releases know no names."""
        places = [*([list(ids)] if ids is not None else []), *named.values()]
        user = await self._user_id()
        return await self._service("object", "execute_kw", self._database, user, self._key, model, method, places)

    async def may_create(self, model: str) -> bool:
        """By ``check_access_rights``."""
        return bool(await self.call(model, "check_access_rights", {"operation": "create", "raise_exception": False}))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _user_id(self) -> int:
        async with self._asking:
            if self._user is None:
                found = await self._service("common", "authenticate", self._database, self._login, self._key, {})
                if not isinstance(found, int) or isinstance(found, bool):
                    raise Misconfigured(
                        Said("Odoo does not accept the login or its key; look at database, login and api_key")
                    )
                self._user = found
            return self._user

    async def _service(self, service: str, method: str, *args: Any) -> Any:
        params = {"service": service, "method": method, "args": list(args)}
        body = {"jsonrpc": "2.0", "method": "call", "id": 0, "params": params}
        answer = await self._http.post("jsonrpc", body)
        return answer.get("result") if isinstance(answer, Mapping) else None


class Odoo:
    """The few things we ask of models."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def read(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], *, most: int = 0, order: str = "id"
    ) -> list[dict[str, Any]]:
        """Records that ``domain`` finds, the oldest first; ``most`` 0: all."""
        named = {"domain": list(domain), "fields": list(fields), "offset": 0, "limit": most or None, "order": order}
        found = await self.caller.call(model, "search_read", named)
        return found if isinstance(found, list) else []

    async def create(self, model: str, values: Mapping[str, Any]) -> int:
        """A new record's id."""
        made = await self.caller.call(model, "create", {"vals_list": [dict(values)]})
        if not isinstance(made, list) or not made:
            raise Unavailable(Said("Odoo answered the creation of %(model)s without an id", model=model))
        return int(made[0])

    async def write(self, model: str, record: int, values: Mapping[str, Any]) -> None:
        """Change a record."""
        await self.caller.call(model, "write", {"vals": dict(values)}, ids=[record])

    async def load(self, model: str, external_id: str, values: Mapping[str, Any]) -> int:
        """The id of the record with ``external_id``, made or changed in one transaction: what keeps us from doubles.

        This is Odoo's own import, so many2one fields are named ``user_id/.id``, and what is wrong comes as messages."""
        named = {"fields": ["id", *values], "data": [[external_id, *map(_cell, values.values())]]}
        found = await self.caller.call(model, "load", named)
        found = found if isinstance(found, Mapping) else {}
        if ids := found.get("ids"):
            return int(ids[0])
        for message in found.get("messages") or ():
            said = " ".join(str(message.get("message")).split())[:300]
            field = message.get("field")
            raise Rejected(Said("Odoo refuses %(field)s: %(words)s", field=field or model, words=said), field=field)
        raise Unavailable(Said("Odoo answered the import of %(model)s without an id", model=model))

    async def refer(self, external_id: str) -> int | None:
        """The id of the record with ``external_id``; 0 for one that people archived; None where there is none.

        An external id of a partner that was merged leads to the partner that it became."""
        module, _, name = external_id.partition(".")
        named = {"module": module, "xml_id": name, "raise_on_access_error": False}
        try:
            found = await self.caller.call("ir.model.data", "check_object_reference", named)
        except Rejected:
            return None
        return int(found[1]) if isinstance(found, list) and len(found) > 1 else None

    async def fields(self, model: str) -> dict[str, str]:
        """The types of the model's fields, by name."""
        found = await self.caller.call(model, "fields_get", {"allfields": None, "attributes": ["type"]})
        return {name: str(about.get("type")) for name, about in dict(found or {}).items()}


def _cell(value: Any) -> str:
    """As a cell of an imported table."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
