"""A webhook receiver over a real socket.

Verifies each signature with another's library, keeps each message once, and misbehaves when asked to.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, fixed").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How one request is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    keeps: bool = False
    """Whether the message is kept although the answer is bad."""
    cut: bool = False
    """The connection breaks instead of the answer."""
    hangs: bool = False


GOOD = Reply(keeps=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One verified request."""

    message_id: str
    document: dict[str, Any]
    headers: Mapping[str, str]
    body: bytes
    kept: bool


@dataclass(slots=True)
class Receiver:
    """Start it, point an adapter at ``url``, look at ``arrivals`` and ``kept``."""

    secret: str = SECRET
    choose: Callable[[str], Reply] | None = None
    """Picks the reply by message id; ``replies`` go first."""
    replies: deque[Reply] = field(default_factory=deque)
    arrivals: list[Arrival] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message id -> document, doubles dropped, in the order of arrival."""
    any_time: bool = False
    """Signatures of any time are good: the sender's clock is moved by the test."""
    forged: int = 0
    """Requests whose signature the library refused."""
    url: str = ""
    _release: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}/hook"

    async def stop(self) -> None:
        """Let go of hanging requests and close."""
        self._release.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            self._verify(body, request.headers)
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=401, text="the signature is wrong")
        reply = self._reply_to(request.headers["webhook-id"])
        self._note(request, body, reply)
        if reply.hangs:
            await self._release.wait()
        if reply.cut and request.transport is not None:
            request.transport.abort()
        return web.Response(status=reply.status, headers=dict(reply.headers), body=reply.body)

    def _verify(self, body: bytes, headers: Mapping[str, str]) -> None:
        verifier = Verifier(self.secret)
        if not self.any_time:
            verifier.verify(body, dict(headers), json_parse=False)
            return
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        if verifier.sign(headers["webhook-id"], at, body.decode()) not in headers["webhook-signature"].split():
            raise WebhookVerificationError("No matching signature found")

    def _reply_to(self, message_id: str) -> Reply:
        if self.replies:
            return self.replies.popleft()
        return self.choose(message_id) if self.choose else GOOD

    def _note(self, request: web.Request, body: bytes, reply: Reply) -> None:
        message_id, document = request.headers["webhook-id"], json.loads(body)
        self.arrivals.append(
            Arrival(
                message_id=message_id, document=document, headers=dict(request.headers), body=body, kept=reply.keeps
            )
        )
        if reply.keeps:
            self.kept.setdefault(message_id, document)
