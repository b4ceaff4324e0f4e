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
from gateway.core.ports import Alarm, Cursors, Leases, Sightings, Sink, SourceHealth
from gateway.core.sentences import NOTHING as NO_WORDS
from gateway.core.sentences import Sentence, joined
from gateway.mail.imap.reader import FolderReader
from gateway.mail.imap.session import ImapSession, Timing
from gateway.mail.imap.telling import alarm_of, balance_of, silence, silent_since
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.imap.trouble import FolderMissing, Trouble, trouble_of
from gateway.mail.imap.turns import LEASE_SECONDS, Turns
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import AUTO, NOTHING, MailboxSettings

log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before the next try to connect, after the 1st, 2nd, ... failure in a row; the last is repeated."""
LASTING_PAUSE = 300.0
"""Seconds after a refusal that a person must end: providers lock accounts that are knocked at with a wrong password."""
RECONCILE_SECONDS = 600.0
"""How often the letters of the last days are compared with what is stored."""


class MailboxConnector:
    """Reads one ``[[mailbox]]``. Implements ``core.ports.Source`` and ``core.ports.AlarmSource``."""

    def __init__(
        self,
        settings: MailboxSettings,
        sink: Sink,
        cursors: Cursors,
        clock: Clock,
        *,
        tokens: AccessTokens | None = None,
        sightings: Sightings | None = None,
        leases: Leases | None = None,
        lease_seconds: float = LEASE_SECONDS,
        timing: Timing | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``tokens``: for a mailbox without a password. Without ``sightings`` nothing is reconciled, and without
        ``leases`` nobody else is thought of. ``chance`` gives 0 to 1, for the random part of pauses."""
        self._settings = settings
        self._sink = sink
        self._cursors = cursors
        self._clock = clock
        self._tokens = tokens
        self._sightings = sightings
        self._turns = Turns(settings.name, leases, lease_seconds)
        self._timing = timing or Timing()
        self._sleep = sleep
        self._chance = chance
        self._tasks: list[asyncio.Task[None]] = []
        self._state = "connecting"
        self._trouble: Trouble | None = None
        self._told = ""
        self._failures = 0
        self._missing: dict[str, Sentence] = {}
        self._scanned_at: datetime | None = None
        self._letter_at: datetime | None = None
        self._began_at = clock.now()
        self._reconciled: float | None = None
        self.readers = [self._reader(folder) for folder in settings.every_folder]

    def _reader(self, folder: str) -> FolderReader:
        """The folder of sent letters is a person's own: nothing is marked there."""
        after = self._settings.after if folder in self._settings.folders else NOTHING
        return FolderReader(
            self._settings,
            folder,
            self._sink,
            self._cursors,
            self._clock,
            self._note_letter,
            after=after,
            sightings=self._sightings,
        )

    async def start(self) -> None:
        """Begin to connect, and return: a mail server that is down must not keep the gateway from starting."""
        name = f"imap:{self._settings.name}"
        self._began_at = self._clock.now()
        self._tasks = [
            asyncio.create_task(self._run(), name=name),
            asyncio.create_task(self._keep_turns(), name=f"{name}-turns"),
        ]

    async def stop(self) -> None:
        """Leave the server. Letters of a batch at hand are durable or will be read again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._turns.give_back()
        self._state = "stopped"

    def health(self) -> list[SourceHealth]:
        """One entry: the mailbox. Its detail says how many letters each folder has and how far they are read."""
        trouble = self._trouble.sentence if self._trouble else NO_WORDS
        unmarkable = [reader.unmarkable for reader in self.readers if reader.unmarkable]
        now = self._clock.now()
        sentences = [
            trouble,
            *self._missing.values(),
            *unmarkable,
            silence(silent_since(self.readers, self._settings, now), now),
            Sentence("Another Leadgate on this database reads it") if self._state == "standby" else NO_WORDS,
            *(sentence for reader in self.readers for sentence in balance_of(reader)),
            Sentence("Last looked at %(moment)s UTC", {"moment": f"{self._scanned_at:%Y-%m-%d %H:%M:%S}"})
            if self._scanned_at
            else NO_WORDS,
        ]
        well = self._state in ("idle", "polling", "reading", "standby")
        return [
            SourceHealth(
                name=f"imap:{self._settings.name}",
                ok=self._trouble is None and not self._missing and not unmarkable and well,
                state=self._state,
                detail=joined(sentences),
                last_event_at=self._letter_at,
            )
        ]

    def alarms(self) -> list[Alarm]:
        """That it can't be read for long or for good, or that no letter comes."""
        now = self._clock.now()
        silent = silent_since(self.readers, self._settings, now)
        alarm = alarm_of(self._settings, self._trouble, self._scanned_at or self._began_at, silent, now)
        return [alarm] if alarm else []

    def _note_letter(self) -> None:
        self._letter_at = self._clock.now()

    async def _keep_turns(self) -> None:
        """Renew the leases, whatever the connection does: a server that hangs must not cost us the folder."""
        while True:
            await asyncio.sleep(self._turns.pause)
            await self._turns.ask([reader.folder for reader in self.readers])

    @property
    def _mine(self) -> list[FolderReader]:
        """The folders that this process reads now."""
        return [reader for reader in self.readers if self._turns.is_mine(reader.folder)]

    async def _run(self) -> None:
        while True:
            await self._turns.ask([reader.folder for reader in self.readers])
            if not self._mine:
                self._state, self._trouble = "standby", None
                await self._sleep(self._turns.pause)
                continue
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
            extra={"action": "imap_trouble", "mailbox": self._settings.name, "reason": str(trouble.sentence)},
        )
        return trouble

    def _pause(self, trouble: Trouble) -> float:
        """Up to a third is left to chance: mailboxes of one server that comes back do not arrive all at once."""
        seconds = LASTING_PAUSE if trouble.lasting else PAUSES[min(self._failures, len(PAUSES)) - 1]
        return seconds * (1 - self._chance() / 3)

    async def _serve(self) -> None:
        """From the login to the end of the connection: an exception, or that another process reads the mailbox now."""
        thread = MailboxThread(f"imap-{self._settings.name}", self._timing.call)
        session = ImapSession(self._settings, self._timing, self._tokens)
        try:
            await thread.call(session.open)
            self._state, self._trouble = "reading", None
            log.info("A mailbox is open.", extra={"action": "imap_open", "mailbox": self._settings.name})
            await self._find_sent(session, thread)
            while self._mine:
                await self._scan_all(session, thread)
                await self._wait(session, thread)
        finally:
            session.abort()
            thread.leave(session.dispose)

    async def _find_sent(self, session: ImapSession, thread: MailboxThread) -> None:
        """Read the folder that the server names as the one of sent letters, where it was not named by a person."""
        if self._settings.sent_folder != AUTO:
            return
        sent = await thread.call(session.sent_folder)
        if sent is not None and sent not in [reader.folder for reader in self.readers]:
            self.readers.append(self._reader(sent))
            await self._turns.ask([sent])

    async def _scan_all(self, session: ImapSession, thread: MailboxThread) -> None:
        """Every folder, the first one last: so it is the open one, which IDLE watches."""
        missing: dict[str, Sentence] = {}
        now = self._clock.monotonic()
        reconcile = self._reconciled is None or now - self._reconciled >= RECONCILE_SECONDS
        for reader in sorted(self._mine, key=lambda reader: reader is self.readers[0]):
            try:
                await self._scan(reader, session, thread)
                if reconcile:
                    await reader.reconcile(session, thread)
                    await self._scan(reader, session, thread)
            except FolderMissing as error:
                missing[reader.folder] = error.sentence
        if missing and missing != self._missing:
            log.warning(
                "Folders of a mailbox can't be read.",
                extra={
                    "action": "imap_folder",
                    "mailbox": self._settings.name,
                    "reason": str(joined(missing.values())),
                },
            )
        if reconcile:
            self._reconciled = now
        self._missing, self._told, self._failures = missing, "", 0
        self._scanned_at = self._clock.now()

    async def _scan(self, reader: FolderReader, session: ImapSession, thread: MailboxThread) -> None:
        """Until nothing is new: while letters were read, more may have come, and IDLE tells only of those after it."""
        while await reader.scan(session, thread):
            self._state = "reading"

    async def _wait(self, session: ImapSession, thread: MailboxThread) -> None:
        """Until it is time to look again."""
        first = self.readers[0]
        watched = session.can_idle and first in self._mine and first.folder not in self._missing
        if not watched:
            self._state = "polling"
            await self._sleep(self._settings.poll_seconds)
            return
        self._state = "idle"
        alone = len(self._mine) == 1
        seconds = self._timing.idle if alone else min(self._timing.idle, self._settings.poll_seconds)
        await thread.call(lambda: session.wait(seconds))
