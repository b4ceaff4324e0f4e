"""Fetches the answers of Meta's leads: the webhook carries numbers only, Graph has the rest.

What waits is stored through ``Cursors`` before Meta is answered, so a restart or an outage of Graph delays a lead's
answers and loses none: the lead itself is there since its number came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
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


class Completer:
    """Completes the leads of one form."""

    def __init__(self, form: FormSettings, clock: Clock, store: Store, cursors: Cursors | None) -> None:
        self._form = form
        self._clock = clock
        self._store = store
        self._cursors = cursors
        self._waiting: dict[str, list[str]] = {}
        """Lead number -> interaction key and when it came."""
        self._wake = asyncio.Event()
        self._saving = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Go on with what an earlier run left."""
        if self._cursors is not None:
            stored = await self._cursors.get(self._name) or {}
            self._waiting.update(stored.get("waiting", {}))
        if self._waiting:
            self._wake.set()
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
        failures = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                failures = 0 if await self._round(session) else failures + 1
                if failures:
                    await asyncio.sleep(BACK_OFF[min(failures, len(BACK_OFF)) - 1])

    async def _round(self, session: aiohttp.ClientSession) -> bool:
        """Try each that waits once. False where some are to be tried again later."""
        done = []
        for number, (key, since) in list(self._waiting.items()):
            problem = await self._complete(session, number, key)
            if problem is None:
                done.append(number)
                continue
            late = self._clock.now() - datetime.fromisoformat(since) > GIVE_UP
            log.log(
                logging.ERROR if late else logging.WARNING,
                "A lead's answers could not be fetched.",
                extra={"action": "complete_failed", "form": self._form.key, "lead": number, "reason": problem},
            )
            if late:
                done.append(number)
        for number in done:
            self._waiting.pop(number, None)
        if done:
            await self._save()
        return not self._waiting

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
