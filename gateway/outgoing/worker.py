"""Sends what waits: takes due rows, sends them side by side, writes down what became of them, again and again.

Nothing is sent before its attempt is stored. A sender or webhook whose settings do not work is left alone for some
minutes, and what waits for it waits; the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from gateway.core.clock import Clock, NewId
from gateway.core.errors import NotDurable, StoreUnavailable
from gateway.core.ports import SourceHealth
from gateway.core.sentences import NOTHING, Sentence
from gateway.outgoing import claims
from gateway.outgoing.claims import Claimed, Senders, lane_of
from gateway.outgoing.compose import compose, for_envelope
from gateway.outgoing.failures import tell_writer
from gateway.outgoing.history import History
from gateway.outgoing.notices import NoticeRules, spread, webhook_body
from gateway.outgoing.settings import SenderSettings
from gateway.outgoing.submission import (
    Credentials,
    Later,
    Lost,
    Refused,
    SenderAtFault,
    Submission,
    SubmissionError,
    Taken,
    Unreachable,
    in_thread,
)
from gateway.outgoing.threads import settle_met
from gateway.outgoing.verdict import ONCE, SENDER_PAUSE, Random, Verdict, judge
from gateway.storage.store import Store

log = logging.getLogger(__name__)

PARALLEL = 4
"""Letters and messages under way at once: a company writes dozens an hour, not thousands."""
POLL_SECONDS = 2.0
"""How late what another process put out is noticed at the latest."""
SEND_SECONDS = 900.0
"""For one letter in all: longer than every step together may take."""
STOP_SECONDS = 5.0
"""What is under way gets so long to end before its connection is cut."""
PAUSE_SECONDS = 1.0
"""After an error of the database or our own."""
LOOK_SECONDS = 15.0
"""How often it looks whether a copy of a letter of unknown fate was found."""


class Poster(Protocol):
    """Posts to the web, with a guard against addresses of the own network."""

    async def post(self, url: str, body: bytes) -> None:
        """Returns when the other side took it. Raises Later, Refused or SenderAtFault."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


SignIn = Callable[[SenderSettings], Awaitable[Credentials | None]]
"""How to sign in as a sender. Raises SubmissionError, as when a token can't be had."""


@dataclass(slots=True)
class _Lane:
    """How one sender, or the webhook, is doing."""

    name: str
    trouble: Sentence = NOTHING
    state: str = "ready"
    paused_until: float = float("-inf")
    sent_at: datetime | None = None


@dataclass(slots=True, eq=False)
class OutgoingWorker:
    """A Service. Start it after the store and the capture, stop it before them; ``kick`` it after each commit."""

    store: Store
    clock: Clock
    new_id: NewId
    senders: Senders
    notices: NoticeRules
    history: History
    sign_in: SignIn
    poster: Poster
    keep: timedelta | None
    random: Random = random_module.random
    poll: float = POLL_SECONDS
    stop_seconds: float = STOP_SECONDS
    look: float = LOOK_SECONDS
    results: Counter[str] = field(default_factory=Counter)
    """Tries by result, for the metrics."""
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _submissions: dict[Submission, asyncio.Future[Taken]] = field(default_factory=dict)
    _ended: list[Verdict] = field(default_factory=list)
    _to_record: list[tuple[Claimed, bool]] = field(default_factory=list)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _orphans: bool = True
    """Rows may be ``sending`` without being under way: at the start, and after a write that failed half-known."""
    _stopping: bool = False
    _looks_at: float = float("-inf")

    async def start(self) -> None:
        """Begin to send, with what an earlier process left first."""
        self._stopping, self._orphans = False, True
        for sender in self.senders.by_name.values():
            self._lane(lane_of("letter", sender.name))
        if self.notices.settings.webhook_url:
            self._lane(lane_of("webhook", None))
        self._task = asyncio.create_task(self._run(), name="outgoing")

    async def stop(self) -> None:
        """Begin nothing new, let what is under way end, cut what does not, and write all results down."""
        self._stopping = True
        self._awake.set()
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task}, timeout=self.stop_seconds)
        if late:
            for submission, sending in tuple(self._submissions.items()):
                if not submission.abort() and not sending.done():
                    sending.set_exception(Later("Leadgate stopped before the mail server answered"))
            await asyncio.wait({self._task}, timeout=2.0)
        self._task.cancel()
        await asyncio.gather(self._task, *self._under_way.values(), return_exceptions=True)
        self._task = None
        await self.poster.close()

    def kick(self) -> None:
        """Something may have been put out."""
        self._awake.set()

    def health(self) -> list[SourceHealth]:
        """One entry a sender, and one for the webhook."""
        return [
            SourceHealth(
                name=lane.name, ok=not lane.trouble, state=lane.state, detail=lane.trouble, last_event_at=lane.sent_at
            )
            for lane in self._lanes.values()
        ]

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            pause = self.poll
            try:
                await self._turn()
                await self._record()
                await self._settle_met()
            except (StoreUnavailable, NotDurable) as error:
                log.warning("What goes out waits.", extra={"action": "outgoing_wait", "reason": str(error)})
                self._orphans, pause = True, PAUSE_SECONDS
                if self._stopping and not self._under_way:
                    return  # results that the database does not take are lost with us; the next start says so
            except Exception:
                log.exception("The sending met an error of its own.", extra={"action": "outgoing_error"})
                self._orphans, pause = True, PAUSE_SECONDS
            if self._stopping and not self._under_way and not self._ended and not self._to_record:
                return
            await self._wait(pause)

    async def _turn(self) -> None:
        verdicts, now = tuple(self._ended), self.clock.now()
        orphans, mine, paused = self._orphans, tuple(self._under_way), self._paused()
        room = 0 if self._stopping else PARALLEL - len(self._under_way)
        is_due = room > 0 and self.store.peek(lambda c: claims.is_any_due(c, now, paused))
        if not verdicts and not orphans and not is_due:
            return

        def unit(connection: Connection) -> Sequence[Claimed]:
            claims.settle(connection, verdicts, self.keep)
            for verdict in verdicts:
                if verdict.state in ("failed", "unknown"):
                    language = self.notices.language
                    tell_writer(connection, verdict.id, default=language, at=now, new_id=self.new_id)
            if orphans:
                claims.take_up(connection, now, but=mine)
            if not self._stopping:
                spread(connection, self.notices, now, self.new_id)
            return claims.claim(connection, self.senders, now, room, paused) if room else ()

        found = await self.store.write(unit, background=True)
        del self._ended[: len(verdicts)]
        if orphans:
            left = await self.store.read(lambda c: claims.unrecorded(c, self.senders, 1000))
            known = {claimed.id for claimed, _ in self._to_record}
            self._to_record += [(claimed, doubtful) for claimed, doubtful in left if claimed.id not in known]
            self._orphans = False
        for claimed in found:
            task = asyncio.create_task(self._send(claimed), name=f"outgoing:{claimed.id}")
            self._under_way[claimed.id] = task

    async def _record(self) -> None:
        """Put letters that left into the history. What the store does not take now stays in the list."""
        while self._to_record and not self._ended:  # first what became of them, then that they are history
            claimed, doubtful = self._to_record[0]
            try:
                await self.history.record(claimed, doubtful=doubtful)
            except (StoreUnavailable, NotDurable):
                raise
            except Exception:  # the others must not wait for it; the next start tries it again
                log.exception("A letter could not be recorded.", extra=_extra("outgoing_not_recorded", claimed))
            del self._to_record[0]

    async def _settle_met(self) -> None:
        """Letters of unknown fate whose copy was met meanwhile did leave."""
        now = self.clock.monotonic()
        if self._stopping or now < self._looks_at:
            return
        self._looks_at = now + self.look
        if await self.store.read(claims.is_any_unknown):
            await self.store.write(lambda c: settle_met(c, self.clock.now()), background=True)

    async def _send(self, claimed: Claimed) -> None:
        outcome: Taken | SubmissionError
        try:
            outcome = await (self._letter(claimed) if claimed.way == "letter" else self._message(claimed))
        except SubmissionError as error:
            outcome = error
        except Exception as error:
            log.exception(
                "Something could not be sent through a fault of ours.", extra=_extra("outgoing_error", claimed)
            )
            outcome = Later("an error of our own: %(kind)s; the log has the details", kind=type(error).__name__)
        now = self.clock.now()
        verdict = judge(claimed.id, claimed.purpose, claimed.number, outcome, at=now, random=self.random)
        self._note(claimed, verdict, outcome)
        self._ended.append(verdict)
        if claimed.purpose in ONCE and verdict.state in ("sent", "unknown"):
            self._to_record.append((claimed, verdict.state == "unknown"))
        self._under_way.pop(claimed.id, None)
        self._awake.set()

    async def _letter(self, claimed: Claimed) -> Taken:
        sender, letter = claimed.sender, claimed.letter
        if sender is None or letter is None:
            raise Later("the letter has no sender")
        credentials = await self.sign_in(sender)
        submission = Submission(sender, credentials)
        recipients = [for_envelope(address) for address in letter.payload["to"]]
        guard = asyncio.get_running_loop().call_later(SEND_SECONDS, submission.abort)

        def work() -> Taken:
            return submission.send(for_envelope(sender.address), recipients, compose(letter, sender))

        sending = self._submissions[submission] = in_thread(work)
        try:
            return await sending
        finally:
            guard.cancel()
            del self._submissions[submission]

    async def _message(self, claimed: Claimed) -> Taken:
        settings = self.notices.settings
        if not settings.webhook_url:
            raise Refused("no webhook is configured in [notices]")
        await self.poster.post(settings.webhook_url, webhook_body(settings.body_template(), claimed.payload))
        return Taken(said="taken")

    def _note(self, claimed: Claimed, verdict: Verdict, outcome: Taken | SubmissionError) -> None:
        """Tell the lane, the figures and the log."""
        self.results[verdict.result] += 1
        lane = self._lane(lane_of(claimed.way, claimed.sender.name if claimed.sender else None))
        match outcome:
            case SenderAtFault():
                pause = SENDER_PAUSE.total_seconds()
                values = {"words": outcome, "minutes": f"{pause / 60:g}"}
                lane.trouble = Sentence("%(words)s. What waits is tried again every %(minutes)s min", values)
                lane.state = "refused"
                lane.paused_until = self.clock.monotonic() + pause
            case Unreachable():
                lane.state, lane.trouble = "unreachable", outcome.sentence
            case Taken() | Refused() | Lost() | Later():
                lane.state, lane.trouble = "ready", NOTHING
        if isinstance(outcome, Taken):
            lane.sent_at = verdict.at
            log.info("Sent.", extra=_extra("outgoing_sent", claimed))
        else:
            extra = _extra("outgoing_not_sent", claimed) | {"result": verdict.result, "reason": verdict.reason}
            log.warning("Not sent.", extra=extra)

    def _paused(self) -> frozenset[str]:
        now = self.clock.monotonic()
        paused = {name for name, lane in self._lanes.items() if lane.paused_until > now}
        default = self.senders.default
        if default is not None and lane_of("letter", default.name) in paused:
            paused.add(lane_of("letter", ""))
        return frozenset(paused)

    def _lane(self, name: str) -> _Lane:
        return self._lanes.setdefault(name, _Lane(name))

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            return


def _extra(action: str, claimed: Claimed) -> dict[str, object]:
    return {"action": action, "outgoing": claimed.id, "purpose": claimed.purpose, "try": claimed.number}
