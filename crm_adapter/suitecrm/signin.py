"""How requests to SuiteCRM are signed in: OAuth 2 client credentials (RFC 6749 section 4.4)."""

from __future__ import annotations

from urllib.parse import urlencode

from crm_adapter.base import Unavailable
from crm_adapter.guard import Guard
from crm_adapter.http import HttpClient
from crm_adapter.jsonclient import Renewable
from crm_adapter.said import Said
from crm_adapter.suitecrm.errors import judge_sign_in

EARLY_SECONDS = 60.0
"""A token is renewed so long before it runs out."""
MEDIA_TYPE = "application/vnd.api+json"


class ClientCredentials(Renewable):
    """Implements ``jsonclient.SignIn``: the client acts as the user whom the administrator chose for it."""

    def __init__(self, guard: Guard, *, url: str, client_id: str, client_secret: str, timeout: float) -> None:
        super().__init__()
        self._http = HttpClient(guard, timeout=timeout)
        self._url = url
        self._client = {"client_id": client_id, "client_secret": client_secret}

    def signed(self, token: str) -> dict[str, str]:
        """JSON:API wants its own media type both ways."""
        return {**super().signed(token), "Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}

    async def fetch(self, *, first: bool) -> tuple[str, float]:  # noqa: ARG002 - there is no vault to look into
        """A new token: it may be asked for as often as one likes, so none is kept over restarts."""
        body = urlencode({"grant_type": "client_credentials", **self._client}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._http.request("POST", self._url, headers=headers, body=body)
        judge_sign_in(answer)
        found = answer.json()
        if not isinstance(found, dict) or not found.get("access_token"):
            raise Unavailable(Said("%(host)s answered without a token", host=answer.host))
        seconds = found.get("expires_in")
        lasts = float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 3600.0
        return str(found["access_token"]), max(lasts - EARLY_SECONDS, lasts / 2)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
