"""The FastAGI server of one PBX: reads the question, asks for the answer, writes it, or closes without a word.

A caller waits while this runs. So whatever goes wrong, slow, malformed, unauthorised, too many at once, ends the same
way: the connection is closed and ``LEADGATE_OK`` is not set, which tells the dialplan to go on as if nobody had asked.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from gateway.core.clock import Clock
from gateway.core.errors import ConfigError
from gateway.core.ports import SourceHealth
from gateway.core.sentences import NOTHING, Sentence
from gateway.telephony.agi.protocol import (
    MAX_LINE,
    MAX_LINES,
    AgiQuestion,
    NotAgi,
    knows_secret,
    question_of,
    read_header,
    set_variables,
    status_of,
)
from gateway.telephony.agi.settings import LOOPBACK, Network, may_ask, networks_of, parse_listen, parse_network
from gateway.telephony.settings import PbxSettings

log = logging.getLogger(__name__)

HEADER_SECONDS = 2.0
"""For the whole header: Asterisk sends it at once."""
ANSWER_SECONDS = 0.3
"""For the answer; after it the dialplan goes on without."""
REPLY_SECONDS = 2.0
"""For Asterisk to take the commands."""
MAX_CONNECTIONS = 200
DONE_STATUS = 200
DONE = {"LEADGATE_OK": "1"}
"""Set last: only with it the others count."""

EXPECTED = (OSError, EOFError, asyncio.LimitOverrunError, ValueError)
"""What the other side can do to us. A TimeoutError is an OSError; NotAgi and UnsafeValue are ValueErrors."""

Answer = Callable[[AgiQuestion], Awaitable[Mapping[str, str] | None]]
"""The variables to set, without ``LEADGATE_OK``; None where nothing is known. May raise anything."""


class AgiServer:
    """A ``core.ports.Source`` for ``[[pbx]] agi_listen``."""

    def __init__(self, settings: PbxSettings, answer: Answer, clock: Clock) -> None:
        if settings.agi_listen is None or settings.agi_secret is None:
            raise ValueError("an AGI server needs agi_listen and agi_secret")
        self._pbx = settings.name
        self._host = settings.host
        self._listen = parse_listen(settings.agi_listen)
        self._secret = settings.agi_secret
        self._allow = settings.agi_allow
        self._answer = answer
        self._clock = clock
        self._networks: tuple[Network, ...] = LOOPBACK
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._last_at: datetime | None = None
        self.answered = 0
        self.unanswered = 0

    @property
    def port(self) -> int:
        """The port that is listened on; differs from the configured one when that is 0."""
        if self._server is None:
            raise RuntimeError("the AGI server is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises ConfigError that names the key to change."""
        self._networks = await self._allowed()
        try:
            self._server = await asyncio.start_server(
                self._serve, self._listen.host or None, self._listen.port, limit=MAX_LINE, backlog=256
            )
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "the port is taken by another program" if taken else (error.strerror or str(error))
            raise ConfigError(
                f"AGI: can't listen on {self._listen.host}:{self._listen.port}: {why}. "
                f"Set another address in agi_listen of [[pbx]] {self._pbx}"
            ) from error

    async def stop(self) -> None:
        """Take no new question and end those that are open: their dialplans go on."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self._server = None

    def health(self) -> list[SourceHealth]:
        """One entry."""
        running = self._server is not None
        return [
            SourceHealth(
                name=f"agi:{self._pbx}",
                ok=running,
                state="listening" if running else "stopped",
                detail=NOTHING if running else Sentence("The AGI server is not running."),
                last_event_at=self._last_at,
            )
        ]

    async def _allowed(self) -> tuple[Network, ...]:
        """This machine, and what agi_allow says; without it, where the PBX is."""
        if self._allow:
            return (*LOOPBACK, *(parse_network(text) for text in self._allow))
        return (*LOOPBACK, *await asyncio.to_thread(networks_of, self._host))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= MAX_CONNECTIONS:
            self._pass_over("too many at once", writer, logging.WARNING)
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await self._converse(reader, writer)
        except EXPECTED as error:
            self._pass_over(_reason(error), writer, logging.INFO)
        except asyncio.CancelledError:  # only our own stop cancels; asyncio would log a task that says so as an error
            self.unanswered += 1
        except Exception:
            self.unanswered += 1
            log.exception("A question of the dialplan could not be answered", extra=self._extra("agi_failed"))
        finally:
            self._open.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if not may_ask(str(peer[0]) if peer else "", self._networks):
            self._pass_over("its address may not ask; see agi_allow", writer, logging.WARNING)
            return
        async with asyncio.timeout(HEADER_SECONDS):
            header = read_header(await _lines(reader))
        if not knows_secret(header, self._secret):
            self._pass_over("wrong secret or path in the agi:// address", writer, logging.WARNING)
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            variables = await self._answer(question_of(header))
        self._last_at = self._clock.now()
        if variables is None:
            self.unanswered += 1
            return
        commands = set_variables({**variables, **DONE})
        async with asyncio.timeout(REPLY_SECONDS):
            for command in commands:
                writer.write(command)
                # one at a time: of several that arrive together Asterisk carries out the first and forgets the others
                if not await _taken(reader):
                    self._pass_over("the caller hung up, or a variable was refused", writer, logging.INFO)
                    return
        self.answered += 1

    def _pass_over(self, why: str, writer: asyncio.StreamWriter, level: int) -> None:
        self.unanswered += 1
        peer = writer.get_extra_info("peername")
        extra = self._extra("agi_passed_over", reason=why, peer=str(peer[0]) if peer else "")
        log.log(level, "A question of the dialplan was not answered: %s", why, extra=extra)

    def _extra(self, action: str, **more: str) -> dict[str, str]:
        return {"action": action, "pbx": self._pbx, **more}


async def _lines(reader: asyncio.StreamReader) -> list[bytes]:
    """The header. Raises NotAgi, EOFError, ValueError (a line is too long)."""
    lines: list[bytes] = []
    while (line := await reader.readuntil(b"\n")).strip():
        lines.append(line)
        if len(lines) > MAX_LINES:
            raise NotAgi(f"more than {MAX_LINES} lines")
    return lines


async def _taken(reader: asyncio.StreamReader) -> bool:
    """Whether Asterisk carried out the command; False where it could not, and where it closed the connection."""
    while line := await reader.readline():
        status = status_of(line)
        if status is not None:
            return status == DONE_STATUS
    return False


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, asyncio.LimitOverrunError):
        return f"a line is longer than {MAX_LINE} bytes"
    if isinstance(error, EOFError | ConnectionError):
        return "the PBX closed the connection"
    return str(error)
