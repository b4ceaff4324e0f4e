"""Tryton's JSON-RPC: ``POST /<database>/rpc/``, a session, and errors that come with status 200.

Source: trytond 8.2, protocols/dispatcher.py, protocols/jsonrpc.py, exceptions.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Unavailable
from crm_adapter.guard import Guard
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.jsonclient import JsonClient, Renewable
from crm_adapter.said import Said

Domain = Sequence[Any]


def judge(answer: Answer) -> None:
    """Return for a result, else raise what the error means."""
    host = answer.host
    if answer.status == 401:
        raise Misconfigured(
            Said("%(host)s: the user or its password is not accepted, or the user was deactivated", host=host)
        )
    if answer.status == 404:
        raise Misconfigured(Said("%(host)s has no such database: look at the key database", host=host))
    if answer.status == 405:
        raise Misconfigured(Said("%(host)s has no Tryton 8 at this address: look at url", host=host))
    raise_for_status(answer)
    document = answer.json()
    error = document.get("error") if isinstance(document, Mapping) else None
    if error:
        raise error_of(error, host)


def error_of(error: Any, host: str) -> Exception:
    """The meaning of ``error``: the exception's name and its arguments, or the words of a crash and its traceback."""
    name, rest = (str(error[0]), error[1:]) if isinstance(error, list) and error else (str(error), [])
    if name == "ConcurrencyException":
        return Unavailable(Said("%(host)s: somebody else has just changed the same record", host=host))
    if name == "LoginException":
        return Misconfigured(
            Said("%(host)s wants more than a password from this user: give the gateway a user without that", host=host)
        )
    if name in ("UserError", "UserWarning") and rest and isinstance(rest[0], list):
        said = " ".join(str(word) for word in rest[0][:2] if word)
    else:
        said = name
    return Rejected(Said("%(host)s refuses: %(words)s", host=host, words=" ".join(said.split())[:300]))


class Session(Renewable):
    """Signs requests with a session, which ends when it was not used for some minutes."""

    def __init__(self, http: JsonClient, path: str, *, user: str, password: str) -> None:
        super().__init__()
        self._http = http
        self._path = path
        self._user = user
        self._password = password

    def signed(self, token: str) -> dict[str, str]:
        """``Session base64(user:id:session)``. Compression is asked for, because trytond 8.2 calls every answer above
        1400 characters compressed, and compresses it only for who asks."""
        signature = f"Session {base64.b64encode(token.encode()).decode()}"
        return {"Authorization": signature, "Accept-Encoding": "gzip"}

    async def fetch(self, *, first: bool) -> tuple[str, float]:  # noqa: ARG002 - nothing is kept over restarts
        """Log in; sessions end by silence, so they are used until a 401."""
        body = {"id": 0, "method": "common.db.login", "params": [self._user, {"password": self._password}, "en"]}
        found = await self._http.post(self._path, body)
        result = found.get("result") if isinstance(found, Mapping) else None
        if not isinstance(result, list) or len(result) < 2:
            raise Unavailable("Tryton answered a log-in without a session")
        return f"{self._user}:{result[0]}:{result[1]}", float("inf")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class TrytonServer:
    """One database of one server."""

    def __init__(self, url: str, guard: Guard, *, database: str, user: str, password: str, timeout: float) -> None:
        path = f"{database}/rpc/"
        self._session = Session(
            JsonClient(url, guard, judge=judge, timeout=timeout), path, user=user, password=password
        )
        self._http = JsonClient(url, guard, sign_in=self._session, judge=judge, timeout=timeout)
        self._path = path
        self._database = database
        self._context: dict[str, Any] | None = None

    def address_of(self, model: str, record: Any) -> str:
        """Where the web client shows a record."""
        return f"{self._http.base_url}/#{self._database}/model/{model}/{record}"

    async def context(self) -> dict[str, Any]:
        """The user's preferences, which every call must carry: its company, its language."""
        if self._context is None:
            self._context = dict(await self._call("model.res.user.get_preferences", [True, {}]) or {})
        return self._context

    async def read(
        self, model: str, domain: Domain, fields: Sequence[str], *, most: int | None = None
    ) -> list[dict[str, Any]]:
        """Records that ``domain`` finds, the oldest first."""
        found = await self._model(model, "search_read", domain, 0, most, [["id", "ASC"]], list(fields))
        return found if isinstance(found, list) else []

    async def fields(self, model: str) -> Mapping[str, Any]:
        """What the model has, by name."""
        found = await self._model(model, "fields_get", None)
        return found if isinstance(found, Mapping) else {}

    async def create(self, model: str, values: Mapping[str, Any]) -> int:
        """A new record's id."""
        made = await self._model(model, "create", [dict(values)])
        if not isinstance(made, list) or not made:
            raise Unavailable(Said("Tryton answered the creation of %(model)s without an id", model=model))
        return int(made[0])

    async def write(self, model: str, record: int, values: Mapping[str, Any]) -> None:
        """Change a record."""
        await self._model(model, "write", [record], dict(values))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        await self._session.close()

    async def _model(self, model: str, method: str, *params: Any) -> Any:
        return await self._call(f"model.{model}.{method}", [*params, await self.context()])

    async def _call(self, method: str, params: Sequence[Any]) -> Any:
        found = await self._http.post(self._path, {"id": 0, "method": method, "params": list(params)})
        return found.get("result") if isinstance(found, Mapping) else None


def as_date(day: date) -> dict[str, Any]:
    """A day as Tryton's JSON has it."""
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
