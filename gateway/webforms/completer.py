"""Fetches the answers of Meta's leads: the webhook carries numbers only, Graph has the rest.

What waits is stored through ``Cursors`` before Meta is answered, so a restart or an outage of Graph delays a lead's
answers and loses none: the lead itself is there since its number came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

import aiohttp

from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.ports import Cursors
from gateway.webforms.settings import FormSettings

log = logging.getLogger(__name__)

FIELDS = (
    "id,created_time,field_data,form_id,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,is_organic,platform"
)
ASK_SECONDS = 20.0
MAX_ANSWER = 1 << 20
BACK_OFF = (5, 30, 120, 600, 3_600)
"""Seconds until the next try; the last one is repeated."""
GIVE_UP = timedelta(days=7)
"""A lead that Graph does not give for so long was deleted, or the token can't read it; the log says so."""
MAX_WAITING = 10_000

Store = Callable[[FormSettings, bytes, str], Awaitable[None]]
"""Makes the fetched JSON durable, as a report of the interaction with the given key."""


class _Tries(NamedTuple):
    failures: int
    due: float
    """By the event loop's clock."""


_UNTRIED = _Tries(0, 0.0)


class Completer:
    """Completes the leads of one form."""

    def __init__(self, form: FormSettings, clock: Clock, store: Store, cursors: Cursors | None) -> None:
        self._form = form
        self._clock = clock
        self._store = store
        self._cursors = cursors
        self._waiting: dict[str, list[str]] = {}
        """Lead number -> interaction key and when it came."""
        self._tries: dict[str, _Tries] = {}
        self.problem: str | None = None
        """Why the newest try failed; None: it did not."""
        self._wake = asyncio.Event()
        self._saving = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Go on with what an earlier run left."""
        if self._cursors is not None:
            stored = await self._cursors.get(self._name) or {}
            self._waiting.update(stored.get("waiting", {}))
        self._task = asyncio.create_task(self._work(session), name=f"form-complete-{self._form.key}")

    async def stop(self) -> None:
        """What waits is stored already."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def remember(self, number: str, key: str) -> None:
        """A lead came of which only the number is known."""
        if len(self._waiting) >= MAX_WAITING:
            log.error("Too many leads wait for Graph", extra={"action": "complete_full", "form": self._form.key})
            return
        self._waiting.setdefault(number, [key, self._clock.now().isoformat()])
        await self._save()
        self._wake.set()

    def trouble(self) -> str:
        """A sentence for /health while leads wait in vain; empty: all is well."""
        if self.problem is None or not self._waiting:
            return ""
        return (
            f"{len(self._waiting)} leads of Meta wait for their answers ({self.problem[:300]}): see whether "
            "graph_token still works. The leads themselves are there, with a remark."
        )

    @property
    def _name(self) -> str:
        return f"form:{self._form.key}:thin"

    async def _save(self) -> None:
        if self._cursors is None:
            return
        async with self._saving:
            try:
                await self._cursors.put(self._name, {"waiting": dict(self._waiting)})
            except LeadgateError as error:
                log.warning(
                    "Which leads wait for Graph could not be stored.",
                    extra={"action": "complete_not_noted", "form": self._form.key, "reason": str(error)},
                )

    async def _work(self, session: aiohttp.ClientSession) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            due = [number for number in self._waiting if self._tries.get(number, _UNTRIED).due <= now]
            if due:
                await self._round(session, due)
                continue
            self._wake.clear()
            soonest = min((self._tries[number].due for number in self._waiting), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(soonest):
                    await self._wake.wait()

    async def _round(self, session: aiohttp.ClientSession, numbers: list[str]) -> None:
        """Try each once; one that Graph does not give keeps no other waiting."""
        before = len(self._waiting)
        for number in numbers:
            key, since = self._waiting[number]
            self.problem = await self._complete(session, number, key)
            if self.problem is None or self._put_off(number, since, self.problem):
                self._waiting.pop(number)
                self._tries.pop(number, None)
        if len(self._waiting) < before:
            await self._save()

    def _put_off(self, number: str, since: str, problem: str) -> bool:
        """Try again later; true where it is given up."""
        late = self._clock.now() - datetime.fromisoformat(since) > GIVE_UP
        log.log(
            logging.ERROR if late else logging.WARNING,
            "A lead's answers could not be fetched.",
            extra={"action": "complete_failed", "form": self._form.key, "lead": number, "reason": problem},
        )
        failures = self._tries.get(number, _UNTRIED).failures + 1
        wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
        self._tries[number] = _Tries(failures, asyncio.get_running_loop().time() + wait)
        return late

    async def _complete(self, session: aiohttp.ClientSession, number: str, key: str) -> str | None:
        """Fetch and store one lead; a sentence where that failed."""
        try:
            raw, problem = await self._fetch(session, number)
            if problem is None:
                await self._store(self._form, raw, key)
        except (aiohttp.ClientError, TimeoutError, OSError, LeadgateError) as error:
            return str(error) or type(error).__name__
        return problem

    async def _fetch(self, session: aiohttp.ClientSession, number: str) -> tuple[bytes, str | None]:
        url = f"{self._form.graph_url.rstrip('/')}/{quote(number, safe='')}"
        headers = {"Authorization": f"Bearer {self._form.graph_token}"}  # not in the address: addresses get logged
        async with asyncio.timeout(ASK_SECONDS):
            async with session.get(url, params={"fields": FIELDS}, headers=headers, allow_redirects=False) as answer:
                raw = await answer.content.read(MAX_ANSWER)
        if answer.status != 200:
            return raw, f"Graph answered {answer.status}: {raw[:300].decode('utf-8', 'replace')}"
        return raw, None if b'"field_data"' in raw else "Graph's answer has no field_data."
