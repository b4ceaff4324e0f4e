"""One mailbox as a source: connects, reads its folders, waits for new letters, and begins again whatever happens.

Each mailbox has a task, a thread and a connection of its own: one that hangs delays no other, nor the stop.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime

from gateway.core.clock import Clock
from gateway.core.ports import Cursors, Sink, SourceHealth
from gateway.mail.imap.reader import FolderReader
from gateway.mail.imap.session import ImapSession, Timing
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.imap.trouble import FolderMissing, Trouble, trouble_of
from gateway.mail.settings import MailboxSettings

log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before the next try to connect, after the 1st, 2nd, ... failure in a row; the last is repeated."""
LASTING_PAUSE = 300.0
"""Seconds after a refusal that a person must end: providers lock accounts that are knocked at with a wrong password."""


class MailboxConnector:
    """Reads one ``[[mailbox]]``. Implements ``core.ports.Source``."""

    def __init__(
        self,
        settings: MailboxSettings,
        sink: Sink,
        cursors: Cursors,
        clock: Clock,
        *,
        timing: Timing | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance`` gives 0 to 1, for the random part of pauses."""
        self._settings = settings
        self._clock = clock
        self._timing = timing or Timing()
        self._sleep = sleep
        self._chance = chance
        self._task: asyncio.Task[None] | None = None
        self._state = "connecting"
        self._trouble: Trouble | None = None
        self._told = ""
        self._failures = 0
        self._missing: dict[str, str] = {}
        self._scanned_at: datetime | None = None
        self._letter_at: datetime | None = None
        self.readers = [
            FolderReader(settings, folder, sink, cursors, clock, self._note_letter) for folder in settings.every_folder
        ]

    async def start(self) -> None:
        """Begin to connect, and return: a mail server that is down must not keep the gateway from starting."""
        self._task = asyncio.create_task(self._run(), name=f"imap:{self._settings.name}")

    async def stop(self) -> None:
        """Leave the server. Letters of a batch at hand are durable or will be read again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._state = "stopped"

    def health(self) -> list[SourceHealth]:
        """One entry: the mailbox. Its detail says how many letters each folder has and how far they are read."""
        trouble = self._trouble.sentence if self._trouble else ""
        balances = (_balance(reader) for reader in self.readers)
        sentences = [trouble, *self._missing.values(), *balances, self._last_scan()]
        return [
            SourceHealth(
                name=f"imap:{self._settings.name}",
                ok=self._trouble is None and not self._missing and self._state in ("idle", "polling", "reading"),
                state=self._state,
                detail=". ".join(sentence.rstrip(".") for sentence in sentences if sentence),
                last_event_at=self._letter_at,
            )
        ]

    def _last_scan(self) -> str:
        return f"Last looked at {self._scanned_at:%Y-%m-%d %H:%M:%S} UTC" if self._scanned_at else ""

    def _note_letter(self) -> None:
        self._letter_at = self._clock.now()

    async def _run(self) -> None:
        while True:
            try:
                await self._serve()
            except Exception as error:  # a server may answer anything: whatever it was, it ends this connection only
                trouble = self._note_trouble(error)
            self._failures += 1
            await self._sleep(self._pause(trouble))

    def _note_trouble(self, error: Exception) -> Trouble:
        trouble = trouble_of(error, self._settings)
        same = self._told == trouble.state
        self._trouble, self._state, self._told = trouble, trouble.state, trouble.state
        log.log(
            logging.DEBUG if same else logging.WARNING,  # said once, not every minute of an outage
            "A mailbox can't be read now.",
            exc_info=error if trouble.state == "failed" else None,
            extra={"action": "imap_trouble", "mailbox": self._settings.name, "reason": trouble.sentence},
        )
        return trouble

    def _pause(self, trouble: Trouble) -> float:
        """Up to a third is left to chance: mailboxes of one server that comes back do not arrive all at once."""
        seconds = LASTING_PAUSE if trouble.lasting else PAUSES[min(self._failures, len(PAUSES)) - 1]
        return seconds * (1 - self._chance() / 3)

    async def _serve(self) -> None:
        """From the login to the end of the connection, which is always an exception."""
        thread = MailboxThread(f"imap-{self._settings.name}", self._timing.call)
        session = ImapSession(self._settings, self._timing)
        try:
            await thread.call(session.open)
            self._state, self._trouble = "reading", None
            log.info("A mailbox is open.", extra={"action": "imap_open", "mailbox": self._settings.name})
            while True:
                await self._scan_all(session, thread)
                await self._wait(session, thread)
        finally:
            session.abort()
            thread.leave(session.dispose)

    async def _scan_all(self, session: ImapSession, thread: MailboxThread) -> None:
        """Every folder, the first one last: so it is the open one, which IDLE watches."""
        missing: dict[str, str] = {}
        for reader in (*self.readers[1:], self.readers[0]):
            try:
                read = await reader.scan(session, thread)
                while read:  # while letters were read, more may have come, and IDLE tells only of those after it
                    self._state = "reading"
                    read = await reader.scan(session, thread)
            except FolderMissing as error:
                missing[reader.folder] = str(error)
        if missing and missing != self._missing:
            log.warning(
                "Folders of a mailbox can't be read.",
                extra={"action": "imap_folder", "mailbox": self._settings.name, "reason": ". ".join(missing.values())},
            )
        self._missing, self._told, self._failures = missing, "", 0
        self._scanned_at = self._clock.now()

    async def _wait(self, session: ImapSession, thread: MailboxThread) -> None:
        """Until it is time to look again."""
        watched = session.can_idle and self.readers[0].folder not in self._missing
        if not watched:
            self._state = "polling"
            await self._sleep(self._settings.poll_seconds)
            return
        self._state = "idle"
        alone = len(self.readers) == 1
        seconds = self._timing.idle if alone else min(self._timing.idle, self._settings.poll_seconds)
        await thread.call(lambda: session.wait(seconds))


def _balance(reader: FolderReader) -> str:
    """How a folder stands, for people."""
    place = reader.place
    if place is None:
        return ""
    since = f" since {place.since:%Y-%m-%d %H:%M} UTC" if place.since else ""
    return f"{reader.folder}: {reader.on_server} letters on the server, {reader.read} read in this run{since}"
