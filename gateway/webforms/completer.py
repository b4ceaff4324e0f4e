"""Fetches the answers of leads of which a webhook told only the number (``vendors``), and goes on until it has them.

What waits is stored through ``Cursors`` before the sender is answered, so a restart or an outage of the vendor delays a
lead's answers and loses none: the lead itself is there since its number came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import aiohttp

from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.ports import Cursors
from gateway.core.sentences import NOTHING, Sentence, as_sentence, counted, verbatim
from gateway.core.systemerrors import system_words
from gateway.webforms.settings import FormSettings
from gateway.webforms.vendors import Fetcher

log = logging.getLogger(__name__)

ASK_SECONDS = 20.0
BACK_OFF = (5, 30, 120, 600, 3_600)
"""Seconds until the next try; the last one is repeated."""
GIVE_UP = timedelta(days=7)
"""A lead that the vendor does not give for so long was deleted, or the token can't read it; the log says so."""
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

    def __init__(
        self, form: FormSettings, fetcher: Fetcher, clock: Clock, store: Store, cursors: Cursors | None
    ) -> None:
        self._form = form
        self._fetcher = fetcher
        self._clock = clock
        self._store = store
        self._cursors = cursors
        self._waiting: dict[str, list[str]] = {}
        """What to ask for (``#`` and a number where it waits more than once) -> interaction key, and since when."""
        self._tries: dict[str, _Tries] = {}
        self.problem: Sentence | None = None
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

    async def remember(self, wanted: str, key: str) -> None:
        """A lead came of which only ``wanted`` is known."""
        if len(self._waiting) >= MAX_WAITING:
            log.error(
                "Too many leads wait for their answers", extra={"action": "complete_full", "form": self._form.key}
            )
            return
        if any(waiting[0] == key for waiting in self._waiting.values()):
            return
        place, number = wanted, 2
        while place in self._waiting:  # the same deal was changed again meanwhile: an item of its own
            place, number = f"{wanted}#{number}", number + 1
        self._waiting[place] = [key, self._clock.now().isoformat()]
        await self._save()
        self._wake.set()

    def trouble(self) -> Sentence:
        """For /health while leads wait in vain; nothing: all is well."""
        if self.problem is None or not self._waiting:
            return NOTHING
        return counted(
            "%(num)s lead of %(vendor)s waits for its answers (%(words)s): see whether %(setting)s still works. The "
            "lead itself is there, with a remark.",
            "%(num)s leads of %(vendor)s wait for their answers (%(words)s): see whether %(setting)s still works. The "
            "leads themselves are there, with a remark.",
            len(self._waiting),
            vendor=self._fetcher.vendor,
            words=self.problem,
            setting=self._fetcher.setting,
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
                    "Which leads wait for their answers could not be stored.",
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
        """Try each once; one that the vendor does not give keeps no other waiting."""
        before = len(self._waiting)
        for number in numbers:
            key, since = self._waiting[number]
            self.problem = await self._complete(session, number, key)
            if self.problem is None or self._put_off(number, since, self.problem):
                self._waiting.pop(number)
                self._tries.pop(number, None)
        if len(self._waiting) < before:
            await self._save()

    def _put_off(self, number: str, since: str, problem: Sentence) -> bool:
        """Try again later; true where it is given up."""
        late = self._clock.now() - datetime.fromisoformat(since) > GIVE_UP
        log.log(
            logging.ERROR if late else logging.WARNING,
            "A lead's answers could not be fetched.",
            extra={"action": "complete_failed", "form": self._form.key, "lead": number, "reason": str(problem)},
        )
        failures = self._tries.get(number, _UNTRIED).failures + 1
        wait = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
        self._tries[number] = _Tries(failures, asyncio.get_running_loop().time() + wait)
        return late

    async def _complete(self, session: aiohttp.ClientSession, place: str, key: str) -> Sentence | None:
        """Fetch and store one lead; a sentence where that failed."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                raw = await self._fetcher.fetch(session, place.partition("#")[0])
            await self._store(self._form, raw, key)
        except (aiohttp.ClientError, TimeoutError, OSError, LeadgateError) as error:
            return _words(error)
        except (ValueError, KeyError) as error:  # a number that is none: it can't have come from the vendor
            return Sentence("It can't be asked for: %(words)s", {"words": error})
        return None


def _words(error: Exception) -> Sentence:
    """Why the vendor, or the database, gave or took nothing."""
    if isinstance(error, aiohttp.ClientConnectorError):
        words = {"host": error.host, "words": system_words(error.os_error)}
        return Sentence("%(host)s can't be reached (%(words)s)", words)
    if isinstance(error, OSError) and not isinstance(error, aiohttp.ClientError):
        return system_words(error)
    return as_sentence(error) or verbatim(type(error).__name__)
