"""How requests to Salesforce are signed in: OAuth 2 client credentials, or a refresh token."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from crm_adapter.base import Unavailable
from crm_adapter.guard import Guard
from crm_adapter.http import HttpClient
from crm_adapter.jsonclient import Renewable
from crm_adapter.said import Said
from crm_adapter.salesforce.errors import judge_sign_in

TOKEN_SECONDS = 1800.0
"""A session lasts two hours, or as set; when it ends is not told, and a 401 says it too."""


class ClientCredentials(Renewable):
    """Implements ``jsonclient.SignIn`` (RFC 6749 section 4.4): the connected app acts as its "run as" user."""

    def __init__(self, guard: Guard, *, url: str, client: Mapping[str, str], timeout: float) -> None:
        super().__init__()
        self._http = HttpClient(guard, timeout=timeout)
        self._url = url
        self._client = dict(client)

    async def fetch(self, *, first: bool) -> tuple[str, float]:  # noqa: ARG002 - there is no vault to look into
        """A new token: it may be asked for as often as one likes, so none is kept over restarts."""
        body = urlencode({"grant_type": "client_credentials", **self._client}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._http.request("POST", self._url, headers=headers, body=body)
        judge_sign_in(answer)
        found = answer.json()
        if not isinstance(found, dict) or not found.get("access_token"):
            raise Unavailable(Said("%(host)s answered without a token", host=answer.host))
        return str(found["access_token"]), TOKEN_SECONDS

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
