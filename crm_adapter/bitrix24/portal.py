"""Calls of methods: POST of JSON, signed by the webhook's address or by a token that is renewed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Unavailable
from crm_adapter.bitrix24.errors import judge
from crm_adapter.http import Answer
from crm_adapter.jsonclient import JsonClient
from crm_adapter.oauth import RotatingTokens
from crm_adapter.said import Said

PAGE = 50
"""Entries of a page of every list."""
RENEWALS = 2
"""Of the token for one request: a second one, as other requests renew it too and may make the first worthless."""
EXPIRED = ("expired_token", "invalid_token")


class Portal:
    """One Bitrix24."""

    def __init__(self, http: JsonClient, tokens: RotatingTokens | None) -> None:
        self._http = http
        self._tokens = tokens

    @property
    def is_app(self) -> bool:
        """An application may register calls; a webhook may not."""
        return self._tokens is not None

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The ``result`` of a method. Raises CrmError."""
        return (await self.whole(method, params)).get("result")

    async def whole(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer, with ``next`` of a list."""
        answer = await self._exchange(method, params or {})
        judge(answer)
        document = answer.json()
        if not isinstance(document, dict) or "result" not in document:
            raise Unavailable(Said("%(host)s answered %(method)s without a result", host=answer.host, method=method))
        return document

    async def pages(self, method: str, params: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """The results of a list, page by page."""
        start: Any = 0
        while start is not None:
            document = await self.whole(method, {**(params or {}), "start": start})
            yield document["result"]
            start = document.get("next")

    async def _exchange(self, method: str, params: Mapping[str, Any]) -> Answer:
        if self._tokens is None:
            return await self._http.exchange("POST", f"{method}.json", params)
        for attempt in range(RENEWALS + 1):
            signed = await self._tokens.headers()
            answer = await self._http.exchange("POST", f"{method}.json", {**params, **signed})
            if answer.status != 401 or not any(code.encode() in answer.body for code in EXPIRED):
                break
            if attempt < RENEWALS:
                await self._tokens.renew(signed)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        if self._tokens is not None:
            await self._tokens.close()


def number(text: str) -> int:
    """Ids of Bitrix24 are numbers. Raises Misconfigured for one that is none."""
    if not text.isascii() or not text.isdigit():
        raise Misconfigured(
            Said("%(id)s is no id of Bitrix24, where ids are numbers: look at users and default_user", id=text)
        )
    return int(text)
