"""An honest fake CRM over a real socket. Each vendor's is a subclass: tables with their fields, and ``answer``.

It takes only what the vendor takes, keeps what it took, and fails on demand: the ways of failing are ``Trouble``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from crm_adapter.testkit.schema import Commit, Field, Invalid, Missing, Table

REASON = "phone is too long"
"""In every answer to a request that is REFUSED."""
RETRY_AFTER = 7


class Trouble(StrEnum):
    """How one request is treated."""

    BUSY = "busy"
    """503; nothing was done."""
    BROKEN = "broken"
    """500 that passes; nothing was done."""
    THROTTLED = "throttled"
    """429, or what the vendor says instead, with RETRY_AFTER where the vendor sends such a header."""
    REFUSED = "refused"
    """The vendor will never take this, says REASON, and says it in its own way (a 500 with some)."""
    FORBIDDEN = "forbidden"
    """The credentials are not accepted, now and later."""
    EXPIRED = "expired"
    """The token has run out: a renewed one is accepted. Without tokens the same as BUSY."""
    LOST = "lost"
    """Done, and the connection cut before the answer."""
    CUT = "cut"
    """Done, and the connection cut within the answer."""
    TIMES_OUT = "times_out"
    """Done, and never answered."""
    HANGS = "hangs"
    """Not done, and never answered."""


DONE_ALL_THE_SAME = frozenset({Trouble.LOST, Trouble.CUT, Trouble.TIMES_OUT})
PASSING = (Trouble.BUSY, Trouble.BROKEN, Trouble.THROTTLED, Trouble.LOST, Trouble.CUT, Trouble.EXPIRED)
"""What a later try gets over, but for what takes the time of a time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; None without one. Raises Invalid for something else than JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise Invalid("body", "is no JSON") from None

    def form(self) -> dict[str, str]:
        """The fields of an urlencoded body."""
        return {key: values[-1] for key, values in parse_qs(self.body.decode()).items()}

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return self.query[name][-1] if name in self.query else default


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered. ``body`` None: no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeCrm:
    """Start it, point the adapter at ``url``, look at ``shown``."""

    sends_retry_after = True
    """False: the vendor throttles without saying for how long."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        """Every request, the oldest first."""
        self.commits: list[Commit] = []
        self.choose: Callable[[Asked], Trouble | None] | None = None
        """Decides about each request for which nothing was queued."""
        self.url = ""
        self.met = 0
        """Requests that met trouble."""
        self._queue: deque[Trouble | None] = deque()
        self._over = asyncio.Event()
        self._runner: web.AppRunner | None = None

    # -- what a vendor's fake says ------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        """Do what is asked. Raises Invalid for what the vendor would refuse."""
        raise NotImplementedError

    def is_signed_in(self, asked: Asked) -> bool:
        """Whether the credentials are right."""
        raise NotImplementedError

    def expire(self) -> bool:
        """Make the tokens that were given out worthless; False where there are none."""
        return False

    def is_sign_in(self, asked: Asked) -> bool:  # noqa: ARG002 - for subclasses
        """True for the exchange of a token that may be spent once: an answer that is lost can't be had again, so for
        these LOST, CUT and TIMES_OUT become BUSY, and REFUSED is for other requests. What the adapter says to that is
        the vendor's own test."""
        return False

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """What it has, the oldest first, in the words of contract.py: contact, lead, call, mail, form."""
        raise NotImplementedError

    def seed_contact(self, *, name: str, phone: str, email: str | None = None, typed: str | None = None) -> str:
        """A contact that somebody else made; its id. ``typed``: the number as it was typed; else as is usual there."""
        raise NotImplementedError

    def remove(self, kind: str, remote_id: str) -> None:
        """A person deletes a ``contact`` or ``lead``, with what that means there for what belongs to it."""
        raise NotImplementedError

    def trouble(self, trouble: Trouble, asked: Asked) -> Reply:  # noqa: ARG002 - for subclasses
        """How the vendor says it. Plain HTTP here."""
        match trouble:
            case Trouble.THROTTLED:
                return Reply(status=429, body={"error": "slow down"}, headers={"Retry-After": str(RETRY_AFTER)})
            case Trouble.REFUSED:
                return self.invalid(Invalid("phone", REASON.removeprefix("phone ")))
            case Trouble.FORBIDDEN:
                return Reply(status=401, body={"error": "unauthorized"})
            case Trouble.BROKEN:
                return Reply(status=500)
            case _:
                return Reply(status=503)

    def invalid(self, problem: Invalid) -> Reply:
        """How the vendor refuses a document."""
        return Reply(status=400, body={"error": str(problem), "field": problem.name})

    def missing(self, problem: Missing) -> Reply:
        """How the vendor says that a record is not there."""
        return Reply(status=404, body={"error": str(problem)})

    # -- for tests ----------------------------------------------------------------------------------------------------

    def next(self, troubles: Iterable[Trouble | None]) -> None:
        """Treat the next requests like this, None: well. Replaces what was asked before."""
        self._queue = deque(troubles)

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site.port}"

    async def stop(self) -> None:
        """Close the door; whoever hangs is let go."""
        self._over.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def table(self, name: str, fields: Mapping[str, Field]) -> Table:
        """A table that writes into this CRM's commits."""
        return Table(name=name, fields=fields, commits=self.commits)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.path,
            query={key: request.query.getall(key) for key in request.query},
            headers=dict(request.headers),
            body=await request.read(),
        )
        self.asked.append(asked)
        trouble = self._next(asked)
        if trouble is not None:
            self.met += 1
        if self.is_sign_in(asked) and trouble is not None:
            trouble = {Trouble.REFUSED: None}.get(trouble, Trouble.BUSY if trouble in DONE_ALL_THE_SAME else trouble)
        if trouble is Trouble.HANGS:
            return await self._hang()
        if trouble is Trouble.EXPIRED and self.expire():
            trouble = None
        reply = self._do(asked) if trouble is None or trouble in DONE_ALL_THE_SAME else self.trouble(trouble, asked)
        if trouble is Trouble.TIMES_OUT:
            return await self._hang()
        if trouble in (Trouble.LOST, Trouble.CUT):
            return await self._cut(request, reply, within=trouble is Trouble.CUT)
        body = b"" if reply.body is None else json.dumps(reply.body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **reply.headers}
        return web.Response(status=reply.status, body=body, headers=headers)

    def _next(self, asked: Asked) -> Trouble | None:
        if self._queue:
            return self._queue.popleft()
        return self.choose(asked) if self.choose else None

    def _do(self, asked: Asked) -> Reply:
        if not self.is_signed_in(asked):
            return self.trouble(Trouble.FORBIDDEN, asked)
        try:
            return self.answer(asked)
        except Missing as problem:
            return self.missing(problem)
        except Invalid as problem:
            return self.invalid(problem)

    async def _hang(self) -> web.Response:
        await self._over.wait()
        return web.Response(status=503)

    async def _cut(self, request: web.Request, reply: Reply, *, within: bool) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers={"Content-Length": "4096"})
        if within:
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
                await response.write(b'{"half')
        if request.transport is not None:
            request.transport.close()
        return response
