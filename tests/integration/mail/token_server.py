"""A provider's token server (RFC 6749) on the loopback, that says what a test wants."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.support.ports import LOOPBACK


class TokenServer:
    """Gives access tokens ``access-1``, ``access-2``, ... for the refresh tokens that it knows."""

    def __init__(self) -> None:
        self.refresh_tokens: set[str] = set()
        self.codes: dict[str, str] = {}
        """Authorization code to the code challenge that it was given for."""
        self.rotates = False
        """Each refresh gives a new refresh token and ends the old one, as Microsoft's policy may be."""
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.moved_to: str | None = None
        """Sends everybody there."""
        self.expires_in: int | None = 3600
        self.asked: list[dict[str, str]] = []
        self.port = 0
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        """Where tokens are asked for."""
        return f"http://{LOOPBACK}:{self.port}/token"

    async def answer(self, request: web.Request) -> web.Response:
        """POST /token."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields)
        if self.moved_to is not None:
            raise web.HTTPFound(self.moved_to)
        if self.refusal is not None:
            status, body = self.refusal
            return web.json_response(body, status=status)
        number = next(self._numbers)
        if fields["grant_type"] == "authorization_code":
            digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if self.codes.pop(fields["code"], None) != challenge:
                return web.json_response({"error": "invalid_grant"}, status=400)
            return web.json_response(self._tokens(number, f"refresh-{number}"))
        if fields["refresh_token"] not in self.refresh_tokens:
            secret = {"error": "invalid_grant", "error_description": f"unknown token {fields['refresh_token']}"}
            return web.json_response(secret, status=400)
        if not self.rotates:
            return web.json_response(self._tokens(number, None))
        self.refresh_tokens.discard(fields["refresh_token"])
        return web.json_response(self._tokens(number, f"refresh-{number}"))

    def _tokens(self, number: int, refresh: str | None) -> dict[str, object]:
        answer: dict[str, object] = {"access_token": f"access-{number}", "token_type": "Bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        if refresh is not None:
            self.refresh_tokens.add(refresh)
            answer["refresh_token"] = refresh
        return answer


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """A running one."""
    server = TokenServer()
    app = web.Application()
    app.router.add_post("/token", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
