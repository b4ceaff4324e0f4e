"""Reads one folder: lists what is new, fetches it in batches, hands it over, and only then moves on.

The place in the folder is stored in the transaction of the last letter of each batch, after all others of the batch are
durable. Killed at any point, it reads at most that batch again, and the Sink knows those letters by their content.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.ports import Cursors, Sightings, Sink
from gateway.core.sentences import NOTHING as NO_WORDS
from gateway.core.sentences import Sentence
from gateway.core.types import Cursor, Outcome, Receipt
from gateway.mail.imap.letters import cursor_name, inbound_of, mark_of
from gateway.mail.imap.place import (
    FolderState,
    Listed,
    Place,
    anew,
    batches,
    first_place,
    same_numbers,
    windows,
)
from gateway.mail.imap.session import ImapSession, Letter, lost_letter
from gateway.mail.imap.thread import MailboxThread
from gateway.mail.settings import NOTHING, MailboxSettings

log = logging.getLogger(__name__)

RECENT = timedelta(days=2)
"""Which letters are compared with what is stored: enough to see a fault, few enough to list them every few minutes."""
UNMARKED = 10_000
"""UIDs that are kept for another try of ``after``, where the server refuses it; also over a restart."""
BREAKS = 4
"""How often a letter may break the connection before it is handed over without its text: lines break by chance too."""
SEARCH_SLACK = timedelta(days=1)
"""SEARCH SINCE compares days in the server's own zone (RFC 9051 section 6.4.4); the exact moment is compared after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a folder has since a moment; all of it is stored."""

    since: datetime
    on_server: int
    found: int
    """Letters that were not stored until this was looked at."""


@dataclass(slots=True, eq=False)
class FolderReader:
    """How far one folder was read, and how to go on."""

    settings: MailboxSettings
    folder: str
    sink: Sink
    cursors: Cursors
    clock: Clock
    on_letter: Callable[[], None]
    """Called when letters were handed over."""
    place: Place | None = None
    """None before the folder was opened for the first time."""
    careful_until: int = 0
    """Up to this UID letters are fetched one by one, because fetching them together broke the connection."""
    breaks: dict[int, int] = field(default_factory=dict)
    """The UID that broke the connection when it was fetched alone, and how often in a row."""
    after: str = NOTHING
    """What is done with letters after they were stored; see MailboxSettings."""
    sightings: Sightings | None = None
    """What is stored of the folder; None: there is nothing to compare with."""
    unmarkable: Sentence = NO_WORDS
    """Why ``after`` could not be done when it was last tried."""
    balance: Balance | None = None
    """How the folder compared with what is stored, when that was last looked at."""
    on_server: int = 0
    """Letters in the folder when it was last looked at."""
    read: int = 0
    """Letters handed over since the start; copies of known ones count."""

    async def scan(self, session: ImapSession, thread: MailboxThread) -> int:
        """Hand over what is new; how many letters that were, more than none where more may have come. Leaves the folder
        open.

        Raises FolderMissing, NotDurable, StoreUnavailable, and what the connection raises (see trouble.py).
        """
        state = await thread.call(lambda: session.examine(self.folder))
        self.on_server = state.exists
        place = await self._place(state, session, thread)
        before = self.read
        top = await self._top(state, session, thread)
        for first, last in windows(place.last_uid + 1, top, state.exists):
            await self._read_window(session, thread, first, last)
        if top > self._known_place.last_uid:
            await self._move(self._known_place.at(top))  # the newest are gone, or are none of ours
        came = await self._mark(session, thread, state) if self._to_mark else 0
        return self.read - before + came

    async def reconcile(self, session: ImapSession, thread: MailboxThread) -> None:
        """Compare the letters of the last days with what is stored, and read those again that are not on record.

        The folder must be open. Raises what ``scan`` raises.
        """
        if self.sightings is None:
            return
        place, now = self._known_place, self.clock.now()
        recently = now - RECENT
        since = recently if place.since is None else max(place.since, recently)
        uids = await thread.call(lambda: session.uids(1, place.last_uid, since - SEARCH_SLACK))
        listed = await thread.call(lambda: session.sizes(uids)) if uids else []
        ours = [letter for letter in listed if letter.arrived is not None and letter.arrived >= since]
        try:
            marks = await self.sightings.marks(self.settings.name, self.folder, since)
        except StoreUnavailable:  # letters go to the spool now; there will be another time to compare
            return
        missing = [letter for letter in ours if mark_of(place.uidvalidity, letter.uid) not in marks]
        found = sum([await self._read_again(session, thread, batch) for batch in batches(missing)])
        if found:
            log.error(
                "Letters of a mailbox were not stored, and were read again.",
                extra={"action": "imap_found", "mailbox": self.settings.name, "folder": self.folder, "letters": found},
            )
        self.balance = Balance(since=since, on_server=len(ours), found=found)

    async def _read_again(self, session: ImapSession, thread: MailboxThread, batch: list[Listed]) -> int:
        """How many of them were not stored under any other sighting either."""
        letters = await thread.call(partial(session.fetch, batch, self.settings.max_size, self.clock.now()))
        receipts = [await self._accept(letter, self.clock.now()) for letter in letters]
        return sum(receipt.outcome is not Outcome.DUPLICATE for receipt in receipts)

    async def _mark(self, session: ImapSession, thread: MailboxThread, state: FolderState) -> int:
        """Do ``after``. It may fail as it likes: the letters are stored, and the place in the folder is behind them.

        1 where letters came since ``state``: the folder was opened anew, so IDLE will not tell of them. Else 0.
        """
        uids, place = self._to_mark, self._known_place
        now, refused = await thread.call(lambda: session.mark(self.folder, place.uidvalidity, uids, self.after))
        if refused:
            if self.unmarkable != refused:
                log.warning(
                    "Letters were stored, but could not be marked or moved.",
                    extra={"action": "imap_unmarked", "mailbox": self.settings.name, "reason": str(refused)},
                )
            self.place = replace(place, unmarked=uids[-UNMARKED:])
        else:
            self.place = replace(place, unmarked=())
            with contextlib.suppress(StoreUnavailable):  # after a restart it is done once more, which harms nobody
                await self._move(self.place)
        self.unmarkable = refused
        return int(now.uidnext != state.uidnext)

    @property
    def _to_mark(self) -> tuple[int, ...]:
        """Nothing where nothing is to be done any more with letters of before."""
        return self._known_place.unmarked if self.after != NOTHING else ()

    async def _top(self, state: FolderState, session: ImapSession, thread: MailboxThread) -> int:
        """The largest UID that a letter of the folder can have now."""
        return state.uidnext - 1 if state.uidnext is not None else await thread.call(session.highest_uid)

    async def _place(self, state: FolderState, session: ImapSession, thread: MailboxThread) -> Place:
        """Where reading goes on; stored at once where it is new, so that "from now on" is said only once."""
        place = self.place or await self._stored()
        if place is not None and same_numbers(place, state):
            self.place = place
            return place
        highest = await self._top(state, session, thread)
        if place is None:
            place = first_place(state, highest, self.settings.since, self.clock.now())
        else:
            log.warning(
                "A folder has new numbers (UIDVALIDITY), so it is read again and compared by content.",
                extra={"action": "imap_uidvalidity", "mailbox": self.settings.name, "folder": self.folder},
            )
            place = anew(place, state, highest)
        await self._move(place)
        return place

    async def _stored(self) -> Place | None:
        value = await self.cursors.get(self._cursor_name)
        if value is None:
            return None
        try:
            return Place.from_json(value)
        except (KeyError, TypeError, ValueError):
            log.exception(
                "The stored place of a folder makes no sense, so reading begins as in a new one.",
                extra={"action": "imap_cursor_broken", "mailbox": self.settings.name, "folder": self.folder},
            )
            return None

    async def _read_window(self, session: ImapSession, thread: MailboxThread, first: int, last: int) -> None:
        wanted = await self._list(session, thread, first, last)
        for batch in batches(wanted, singly_up_to=self.careful_until):
            letters = await self._fetch(session, thread, batch)
            await self._hand_over(letters, batch[-1].uid)

    async def _fetch(self, session: ImapSession, thread: MailboxThread, batch: list[Listed]) -> list[Letter]:
        """A batch that breaks the connection is read letter by letter after that; the one that does it, not at all."""
        first = batch[0]
        if self.breaks.get(first.uid, 0) >= BREAKS:
            return [lost_letter(first)]
        try:
            letters = await thread.call(partial(session.fetch, batch, self.settings.max_size, self.clock.now()))
        except Exception:
            self.careful_until = batch[-1].uid
            if len(batch) == 1:
                self.breaks = {first.uid: self.breaks.get(first.uid, 0) + 1}
            raise
        return letters

    async def _list(self, session: ImapSession, thread: MailboxThread, first: int, last: int) -> list[Listed]:
        """The letters of a window of UIDs that are to be read, ascending."""
        place = self._known_place
        since = place.since - SEARCH_SLACK if place.since is not None else None
        known_before = min(last, place.horizon)
        uids: list[int] = []
        if first <= known_before:
            uids += await thread.call(lambda: session.uids(first, known_before, since))
        if last > place.horizon:
            uids += await thread.call(lambda: session.uids(max(first, place.horizon + 1), last))
        listed = await thread.call(lambda: session.sizes(uids)) if uids else []
        return [letter for letter in listed if place.wants(letter.uid, letter.arrived)]

    async def _hand_over(self, letters: list[Letter], last_uid: int) -> None:
        """All letters of a batch at once, as they share commits; the last one, with the place, after the others."""
        now = self.clock.now()
        if not letters:  # all are gone meanwhile
            await self._move(self._known_place.at(last_uid))
            return
        others = (self._accept(letter, now) for letter in letters[:-1])
        receipts = await asyncio.gather(*others, return_exceptions=True)
        for receipt in receipts:
            if isinstance(receipt, BaseException):
                raise receipt
        before = self._unmarked(letters[:-1], receipts)
        place = replace(self._known_place.at(last_uid, now), unmarked=before + self._markable(letters[-1:]))
        receipt = await self._accept(letters[-1], now, place)
        # what is in the spool takes its place along: it is written when the letter is in the database
        self.place = replace(place, unmarked=before) if receipt.outcome is Outcome.SPOOLED else place
        self.read += len(letters)
        self.on_letter()

    def _unmarked(self, letters: list[Letter], receipts: Sequence[Receipt | BaseException]) -> tuple[int, ...]:
        """What waits to be marked, ``letters`` among it as far as they are in the database."""
        stored = [
            letter
            for letter, receipt in zip(letters, receipts, strict=True)
            if isinstance(receipt, Receipt) and receipt.outcome is not Outcome.SPOOLED
        ]
        return self._to_mark + self._markable(stored)

    def _markable(self, letters: list[Letter]) -> tuple[int, ...]:
        """Only letters that are whole: of the others the mailbox has the only copy."""
        return tuple(letter.listed.uid for letter in letters if self.after != NOTHING and letter.problem is None)

    async def _accept(self, letter: Letter, now: datetime, place: Place | None = None) -> Receipt:
        cursor = Cursor(name=self._cursor_name, value=place.as_json()) if place is not None else None
        uidvalidity = self._known_place.uidvalidity
        item = inbound_of(letter, self.settings, self.folder, uidvalidity, received_at=now, cursor=cursor)
        if letter.problem is not None:
            log.warning(
                "A letter was not read whole.",
                extra={
                    "action": "imap_partial",
                    "mailbox": self.settings.name,
                    "folder": self.folder,
                    "uid": letter.listed.uid,
                    "reason": letter.problem,
                },
            )
        return await self.sink.accept(item)

    async def _move(self, place: Place) -> None:
        await self.cursors.put(self._cursor_name, place.as_json())
        self.place = place

    @property
    def _cursor_name(self) -> str:
        return cursor_name(self.settings.name, self.folder)

    @property
    def _known_place(self) -> Place:
        if self.place is None:
            raise RuntimeError("a folder is read before it was opened")
        return self.place
