"""Access tokens by a refresh token that changes with every use (OAuth 2, RFC 6749 section 6).

The new refresh token is made durable before the access token is used: one that was spent and not kept locks us out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from crm_adapter.base import Misconfigured, Rejected, Unavailable
from crm_adapter.guard import Guard
from crm_adapter.http import Answer, HttpClient, raise_for_status
from crm_adapter.jsonclient import Renewable
from crm_adapter.said import Said
from crm_adapter.vault import Vault

EARLY_SECONDS = 60.0
"""A token is renewed so long before it runs out."""


class RotatingTokens(Renewable):
    """Implements ``jsonclient.SignIn``; tokens of one client at one server."""

    def __init__(
        self,
        guard: Guard,
        vault: Vault,
        *,
        url: str,
        client: Mapping[str, str],
        refresh_token: str,
        timeout: float,
        judge: Callable[[Answer], None] = raise_for_status,
        as_json: bool = False,
        signed: Callable[[str], dict[str, str]] | None = None,
    ) -> None:
        """``client``: client_id, client_secret and what else the server wants. ``as_json``: the body's form.
        ``signed``: how a token signs a request; by default an Authorization header."""
        super().__init__()
        self._http = HttpClient(guard, timeout=timeout)
        self._vault = vault
        self._url = url
        self._client = dict(client)
        self._configured = refresh_token
        self._mark = hashlib.sha256(refresh_token.encode()).hexdigest()[:16]
        self._judge = judge
        self._as_json = as_json
        self._signed = signed

    def signed(self, token: str) -> dict[str, str]:
        """What a request carries."""
        return self._signed(token) if self._signed else super().signed(token)

    async def fetch(self, *, first: bool) -> tuple[str, float]:
        """The kept access token at the start, else a new one. A refresh token that is new in the configuration goes
        before the one that is kept."""
        kept = await self._vault.load()
        if kept.get("configured") != self._mark:
            kept = {}
        if first and kept.get("access_token"):
            return kept["access_token"], float("inf")  # a 401 will say when it has run out
        answer = await self._ask(kept.get("refresh_token") or self._configured)
        found = answer.json()
        if not isinstance(found, dict) or not found.get("access_token"):
            raise Unavailable(Said("%(host)s answered without a token", host=answer.host))
        access = str(found["access_token"])
        refresh = str(found.get("refresh_token") or kept.get("refresh_token") or self._configured)
        secret = {"access_token": access, "refresh_token": refresh, "configured": self._mark}
        await asyncio.shield(self._vault.save(secret))
        return access, float(found.get("expires_in") or 3600) - EARLY_SECONDS

    async def _ask(self, refresh_token: str) -> Answer:
        fields = {"grant_type": "refresh_token", **self._client, "refresh_token": refresh_token}
        kind = "application/json" if self._as_json else "application/x-www-form-urlencoded"
        body = json.dumps(fields) if self._as_json else urlencode(fields)
        answer = await self._http.request("POST", self._url, headers={"Content-Type": kind}, body=body.encode())
        try:
            self._judge(answer)
        except Rejected as error:  # without a token nothing passes, so it is no fault of one event
            why = error.args[0]
            raise Misconfigured(
                Said("the access can't be renewed: %(words)s; connect the integration anew", words=why)
            ) from None
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
