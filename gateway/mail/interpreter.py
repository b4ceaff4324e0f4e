"""Letters to drafts through processes that may be killed (gateway.mail.reader): what a letter does there harms nobody.

A letter that its reader does not survive still gives a draft, from its headers, with a sentence that says so.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from gateway.core.types import Attachment, Draft, Json
from gateway.mail.draft import Ours, make_draft
from gateway.mail.inspect import record as record_of
from gateway.mail.parse import read_headers_only
from gateway.mail.reader import ANSWER, READY, Request, encode_request
from gateway.mail.understand import understand

log = logging.getLogger(__name__)

WALL_SECONDS = 60.0
"""For one letter, the start of the reader not counted. The slowest honest letter takes a tenth of a second, and what
takes long ends by the kernel's limit (reader.CPU_SECONDS); but readers go last, and on a busy machine they wait."""
START_SECONDS = 120.0
"""For a reader to start on a busy machine."""
END_SECONDS = 2.0
"""For a reader that closed its pipes to be gone."""
LETTERS_EACH = 2000
"""Letters after which a reader is replaced, so that memory it did not give back is given back."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer; the limits of parsing keep it below 20 MB."""
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


class ReaderLost(Exception):
    """The reader died, answered nonsense or took too long. ``args[0]`` says which, for people."""


@dataclass(eq=False)
class _Reader:
    """One running process and how many letters it has read."""

    process: asyncio.subprocess.Process
    letters: int = 0

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ready(self) -> None:
        """Wait until the process has loaded its code. Raises IncompleteReadError when it ended instead."""
        if self.process.stdout is not None:
            await self.process.stdout.readexactly(len(READY))

    async def exchange(self, raw: bytes, request: Request) -> dict[str, Json]:
        """Raises ReaderLost, or OSError when the pipe is closed."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise ReaderLost("it has no pipes")
        stdin.writelines(encode_request(raw, request))
        await stdin.drain()
        (length,) = ANSWER.unpack(await stdout.readexactly(ANSWER.size))
        if length > MAX_ANSWER:
            raise ReaderLost("its answer was too long")
        answer: dict[str, Json] = msgspec.json.decode(await stdout.readexactly(length))
        self.letters += 1
        return answer

    async def ended(self) -> None:
        """Wait for a process that closed its pipes. A signal sent to one that has just died would hide why it died."""
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process and wait for it."""
        if self.alive:
            self.process.kill()
        await self.process.wait()


class MailInterpreter:
    """Implements ``core.ports.Interpreter`` for letters, and ``Service``."""

    def __init__(
        self,
        *,
        region: str,
        own_addresses: Iterable[str] = (),
        own_domains: Iterable[str] = (),
        trusted: Iterable[str] = (),
        workers: int = 2,
        wall_seconds: float = WALL_SECONDS,
    ) -> None:
        """``region`` reads phones without a country code. ``workers`` letters are read at one time.

        ``trusted``: our own mail servers, whose word on a sender counts (authserv-ids of Authentication-Results).
        """
        self._region = region
        self._trusted = tuple(server.lower() for server in trusted)
        self._ours = Ours.of(own_addresses, own_domains)
        self._wall_seconds = wall_seconds
        self._idle: list[_Reader] = []
        self._workers = workers
        self._slots = asyncio.Semaphore(workers)
        self.killed = 0
        """Readers lost to a letter since the start."""

    async def start(self) -> None:
        """Nothing to do: readers start with the first letters."""

    async def stop(self) -> None:
        """Wait for the letters being read (seconds at most, see WALL_SECONDS), then end all readers."""
        for _ in range(self._workers):
            await self._slots.acquire()
        while self._idle:
            await self._idle.pop().kill()
        for _ in range(self._workers):
            self._slots.release()

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        """A Draft, always. Raises nothing but cancellation."""
        request = Request(region=self._region, now=received_at, trusted=self._trusted)
        try:
            record = await self._read(raw, request)
        except (ReaderLost, OSError) as error:
            self.killed += 1
            log.warning(
                "A letter could not be read whole; its headers were kept.",
                extra={"action": "mail_reader_lost", "reason": str(error), "octets": len(raw)},
            )
            record = self._headers_only(raw, received_at, str(error))
        return make_draft(record, meta, received_at, self._ours, self._region)

    async def attachment(self, raw: bytes, number: int, received_at: datetime) -> tuple[Attachment, bytes] | None:
        """The ``number``-th attachment, from 1; None where there is none or the letter can't be read."""
        answer = await self._ask(raw, Request(region=self._region, now=received_at, want="attachment", number=number))
        if answer is None or answer.get("content") is None:
            return None
        content = base64.b64decode(answer["content"])
        return Attachment(name=answer["name"], content_type=answer["content_type"], size=len(content)), content

    async def html(self, raw: bytes, received_at: datetime) -> str | None:
        """The HTML for showing (``mail.show.harmless_html``); None where there is none or it can't be read."""
        answer = await self._ask(raw, Request(region=self._region, now=received_at, want="html"))
        return answer.get("html") if answer is not None else None

    async def _ask(self, raw: bytes, request: Request) -> dict[str, Json] | None:
        try:
            return await self._read(raw, request)
        except (ReaderLost, OSError) as error:
            self.killed += 1
            log.warning(
                "A letter could not be shown.",
                extra={"action": "mail_reader_lost", "reason": str(error), "octets": len(raw)},
            )
            return None

    async def _read(self, raw: bytes, request: Request) -> dict[str, Json]:
        async with self._slots:
            reader = await self._take()
            done = False
            try:
                record = await self._exchange(reader, raw, request)
                done = True
                return record
            finally:
                await self._put_back(reader, usable=done)

    async def _exchange(self, reader: _Reader, raw: bytes, request: Request) -> dict[str, Json]:
        try:
            async with asyncio.timeout(self._wall_seconds):
                return await reader.exchange(raw, request)
        except TimeoutError:
            raise ReaderLost(f"it took longer than {self._wall_seconds:g} seconds") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await reader.ended()
            raise ReaderLost(f"its reader ended ({_why(reader.process.returncode)})") from None
        except msgspec.MsgspecError:
            raise ReaderLost("its reader gave no readable answer") from None

    async def _take(self) -> _Reader:
        while self._idle:
            reader = self._idle.pop()
            if reader.alive:
                return reader
        return await _start_reader()

    async def _put_back(self, reader: _Reader, *, usable: bool) -> None:
        """A reader whose exchange was not finished may hold half an answer: it is not used again."""
        if usable and reader.letters < LETTERS_EACH:
            self._idle.append(reader)
        else:
            await reader.kill()

    def _headers_only(self, raw: bytes, received_at: datetime, reason: str) -> dict[str, Json]:
        letter = read_headers_only(raw, received_at)
        sentence = f"The letter could not be read whole: {reason}. Only its headers are shown; the raw letter is kept."
        return record_of(letter, understand(letter, self._region), (sentence,))


async def _start_reader() -> _Reader:
    """Raises ReaderLost when no process can be started now."""
    # Only what Python needs: the environment of the gateway may hold secrets.
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.mail.reader",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**environment, "PYTHONPATH": _PACKAGE_ROOT}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ReaderLost(f"no reader could be started ({error.strerror})") from error
    reader = _Reader(process)
    try:
        async with asyncio.timeout(START_SECONDS):
            await reader.ready()
    except (TimeoutError, asyncio.IncompleteReadError):
        await reader.kill()
        raise ReaderLost("no reader could be started") from None
    except BaseException:
        await reader.kill()
        raise
    return reader


def _why(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"signal {-returncode}"
    return "out of memory" if returncode else "closed"
