"""JSON over HTTP as most CRMs speak it: one base address, one way to sign in, a rate, and the vendor's own errors."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from crm_adapter.base import Context, Misconfigured, utc_now
from crm_adapter.bucket import Bucket
from crm_adapter.guard import Guard
from crm_adapter.http import Answer, HttpClient, raise_for_status
from crm_adapter.options import BadOption

MOST_JSON = 8 * 1024 * 1024
"""Bytes of an answer; a page of 250 contacts with all their fields stays below two million."""

Judge = Callable[[Answer], None]
"""Returns for an answer that is a success, else raises the CrmError that it means."""


class SignIn(Protocol):
    """How requests are signed in."""

    async def headers(self) -> Mapping[str, str]:
        """For the next request; may fetch a token first."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to a request with these headers: True where there is another token and one more try is due."""
        ...


class FixedHeaders:
    """Implements ``SignIn`` with a key that does not change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    async def headers(self) -> Mapping[str, str]:
        """The same each time."""
        return self._headers

    async def renew(self, _refused: Mapping[str, str]) -> bool:
        """There is no other."""
        return False


class JsonClient:
    """Requests below one base address."""

    def __init__(
        self,
        base_url: str,
        guard: Guard,
        *,
        sign_in: SignIn | None = None,
        judge: Judge | None = None,
        bucket: Bucket | None = None,
        timeout: float = 20.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._sign_in = sign_in or FixedHeaders({})
        self._judge = judge or (lambda answer: raise_for_status(answer, now=now))
        self._bucket = bucket
        self._http = HttpClient(guard, timeout=timeout, max_answer=MOST_JSON)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON; None for an answer without a body (204)."""
        return await self.send("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    async def post(self, path: str, body: Any) -> Any:
        """The same, for POST."""
        return await self.send("POST", path, body)

    async def put(self, path: str, body: Any) -> Any:
        """The same, for PUT."""
        return await self.send("PUT", path, body)

    async def patch(self, path: str, body: Any) -> Any:
        """The same, for PATCH."""
        return await self.send("PATCH", path, body)

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """One request, and a second one where the first was refused for a token that could be renewed."""
        answer = await self.exchange(method, path, body)
        self._judge(answer)
        return answer.json() if answer.body.strip() else None

    async def exchange(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer as it is, whatever its status. ``path`` may be a whole address. ``body``: bytes go as they are."""
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        content = body if isinstance(body, bytes) or body is None else encode(body)
        for last in (False, False, True):  # a second renewal: other requests renew it too
            if self._bucket is not None:
                await self._bucket.take()
            signed = await self._sign_in.headers()
            mine = {"Accept": "application/json", "Content-Type": "application/json", **signed, **(headers or {})}
            answer = await self._http.request(method, url, headers=mine, body=content)
            if answer.status != 401 or last or not await self._sign_in.renew(signed):
                break
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def encode(body: Any) -> bytes:
    """JSON, with every moment as ISO 8601."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that JSON can carry")


class Renewable:
    """Base of sign-ins with a token that runs out: one renewal at a time, shared by all requests that wait for it."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._until = math.inf

    async def headers(self) -> Mapping[str, str]:
        """With a token that is not known to have run out."""
        if self._token is None or self.clock() >= self._until:
            async with self._lock:
                if self._token is None or self.clock() >= self._until:
                    await self._take(first=self._token is None)
        return self.signed(self._token or "")

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """A new token, unless another request has fetched one meanwhile."""
        async with self._lock:
            if self._token is not None and self.signed(self._token) != dict(refused):
                return True
            await self._take(first=False)
        return True

    async def _take(self, *, first: bool) -> None:
        self._token, seconds = await self.fetch(first=first)
        self._until = self.clock() + seconds

    def clock(self) -> float:
        """Seconds since the epoch or any other fixed moment."""
        return utc_now().timestamp()

    def signed(self, token: str) -> dict[str, str]:
        """The headers of a request."""
        return {"Authorization": f"Bearer {token}"}

    async def fetch(self, *, first: bool) -> tuple[str, float]:
        """A token and the seconds for which to use it. ``first``: one from the vault will do. Raises CrmError."""
        raise NotImplementedError


def guard_for(url: str, context: Context, key: str = "url") -> Guard:
    """The guard for a CRM at ``url``, which is checked. Raises BadOption."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if isinstance(context.allow_private, bool):
        guard = Guard({host} if context.allow_private and host else ())
    else:
        guard = Guard(context.allow_private)
    try:
        guard.check_url(url)
    except Misconfigured as error:
        raise BadOption(key, f"can't be used: {error}") from None
    return guard
