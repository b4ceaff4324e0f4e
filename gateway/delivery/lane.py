"""The way to one CRM: claims what is due, pushes it, writes down what became of it, again and again.

Each turn is one write: the results that came in since the last one, and the next rows. Some are claimed ahead, so that
the pushes need not wait for the database; nothing is pushed before its attempt is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from datetime import datetime

from sqlalchemy import Connection

from crm_adapter.base import Capable, CrmAdapter, CrmError, Done, Event, Throttled, Unavailable
from crm_adapter.bucket import Bucket
from crm_adapter.said import Said
from gateway.core.clock import Clock
from gateway.core.errors import StoreUnavailable
from gateway.core.ports import SourceHealth
from gateway.core.sentences import NOTHING, Sentence
from gateway.delivery import claims
from gateway.delivery.breaker import Breaker
from gateway.delivery.claims import Claim
from gateway.delivery.crmwords import crm_words
from gateway.delivery.settings import CrmSettings
from gateway.delivery.verdict import STOPPED, Claimed, Interrupted, Random, Verdict, judge, not_sent
from gateway.storage.store import Store

log = logging.getLogger(__name__)

PUSH_SECONDS = 60.0
"""An adapter has time-outs of its own, below this; the gateway does not depend on it."""
AHEAD, MOST_AHEAD = 2, 8
"""Rows claimed for each place, so that a turn of the database (some 10 ms) leaves no place empty: few for a CRM that
takes its time, since news can no longer supersede them; more for one that is quick."""
TURNS_AHEAD = 4
"""A quick one empties its hand in so many turns."""
PAUSE_SECONDS = 1.0
"""After an error of the database or our own."""


class Lane:
    """One configured CRM with its adapter. ``run`` is its task; everything else is called on the same event loop."""

    def __init__(
        self, crm: CrmSettings, adapter: CrmAdapter, *, store: Store, clock: Clock, random: Random, poll: float
    ) -> None:
        self.crm = crm
        self.adapter = adapter
        self.results: Counter[str] = Counter()
        """Tries by result, for the metrics."""
        self.late = NOTHING
        """A sentence when the oldest delivery has waited for too long; the watch (watch.py) writes it."""
        self._store = store
        self._clock = clock
        self._random = random
        self._poll = poll
        self._breaker = Breaker(random)
        able = adapter.capabilities.parallel if isinstance(adapter, Capable) else crm.parallel
        self._parallel = min(crm.parallel, able)
        self._bucket = (
            Bucket(crm.per_second, max(1.0, crm.per_second), clock=clock.monotonic) if crm.per_second else None
        )
        self._awake = asyncio.Event()
        self._hand: deque[Claimed] = deque()
        """Claimed and not pushed yet."""
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._ended: list[Verdict] = []
        self._hold: str | None = None
        self._orphans = True
        """Rows may be ``sending`` without a push under way: at the start, and after a write that failed half-known."""
        self._stopping = False
        self._delivered_at: datetime | None = None
        self._trouble = NOTHING

    def kick(self) -> None:
        """Something may be due."""
        self._awake.set()

    def finish(self) -> None:
        """Claim nothing more; ``run`` returns when the pushes under way have ended and are written down."""
        self._stopping = True
        self._put_back()
        self._awake.set()

    def interrupt(self) -> None:
        """Don't wait for the pushes under way any longer."""
        for task in self._under_way.values():
            task.cancel()

    async def run(self) -> None:
        """Work until ``finish``. Never raises but for its own cancellation."""
        while True:
            self._awake.clear()
            pause = self._poll
            try:
                await self._turn()
            except StoreUnavailable as error:
                self._after_error(error.sentence)
                log.warning("A delivery waits for the database.", extra={"action": "wait", "crm": self.crm.name})
                pause = PAUSE_SECONDS
            except Exception as error:
                kind = {"kind": type(error).__name__}
                self._after_error(Sentence("an error of our own: %(kind)s; the log has the details", kind))
                log.exception("A delivery met an error of its own.", extra=self._extra("delivery_error"))
                pause = PAUSE_SECONDS
            else:
                self._trouble = NOTHING
            if self._stopping and not self._under_way and (not self._ended or self._trouble):
                return  # results that the database did not take are lost with us: their rows are sent again
            await self._wait(pause)

    def health(self) -> SourceHealth:
        """How this CRM is doing, from memory."""
        state, detail = self._state()
        return SourceHealth(
            name=f"crm:{self.crm.name}",
            ok=state in ("ready", "throttled"),
            state=state,
            detail=detail,
            last_event_at=self._delivered_at,
        )

    def _state(self) -> tuple[str, Sentence]:
        crm, now = self.crm.name, self._clock.monotonic()
        if self._trouble:
            return "waiting", Sentence("deliveries wait: %(words)s", {"words": self._trouble})
        if self._hold is not None:
            mend = Sentence(
                "%(reason)s. Mend it, then run 'leadgate outbox release --crm %(crm)s'",
                {"reason": crm_words(self._hold), "crm": crm},
            )
            return "held", mend
        seconds = {"crm": crm, "seconds": round(self._breaker.resumes_in(now))}
        if self._breaker.is_down:
            return "down", Sentence("%(crm)s gives no usable answers; the next try is in %(seconds)s s", seconds)
        if self.late:
            late = {"words": self.late, "crm": crm}
            return "late", Sentence("%(words)s. 'leadgate outbox list --crm %(crm)s' says why", late)
        if self._breaker.is_patient(now):
            return "throttled", Sentence("%(crm)s asked for %(seconds)s s of peace", seconds)
        return "ready", NOTHING

    async def _turn(self) -> None:
        verdicts = tuple(self._ended)
        now = self._clock.now()
        wanted = self._wanted(len(verdicts))
        if not verdicts and not self._orphans and not (wanted > 0 and self._may_claim(now)):
            return
        mine, orphans, hold = (*self._under_way, *(row.id for row in self._hand)), self._orphans, self._hold

        def unit(connection: Connection) -> Claim:
            claims.settle(connection, self.crm.name, verdicts)
            if orphans:
                claims.take_up(connection, self.crm.name, now, but=mine)
            return claims.claim(connection, self.crm.name, now, wanted) if wanted > 0 else Claim(hold=hold)

        found = await self._store.write(unit, background=True)
        del self._ended[: len(verdicts)]
        self._orphans = False
        self._note_hold(found.hold)
        self._hand.extend(found.rows)
        self._play()

    def _may_claim(self, now: datetime) -> bool:
        """Whether a write is worth it: something is due, or a hold may have been lifted."""
        return self._hold is not None or self._store.peek(lambda c: claims.is_any_due(c, self.crm.name, now))

    def _room(self) -> int:
        """How many pushes may be under way now."""
        if self._stopping or self._hold is not None:
            return 0
        return self._breaker.room(self._clock.monotonic(), self._parallel)

    def _wanted(self, ended: int) -> int:
        """How many rows to claim. ``ended``: pushes since the last turn, the pace of the CRM while it is well."""
        if self._stopping:
            return 0
        room = self._breaker.room(self._clock.monotonic(), self._parallel)
        ahead = 0 if self._breaker.is_down else min(max(AHEAD * room, TURNS_AHEAD * ended), MOST_AHEAD * room)
        return room + ahead - len(self._under_way) - len(self._hand)

    def _play(self) -> None:
        """Push what is in the hand as far as there is room; with no room at all the hand goes back."""
        room = self._room()
        if room == 0:
            self._put_back()
        while self._hand and len(self._under_way) < room:
            row = self._hand.popleft()
            task = asyncio.create_task(self._push(row), name=f"push:{self.crm.name}:{row.id}")
            self._under_way[row.id] = task

    def _put_back(self) -> None:
        """Rows in the hand wait in the outbox again, as if they had never been claimed."""
        now = self._clock.now()
        self._ended.extend(not_sent(row, now) for row in self._hand)
        self._hand.clear()

    async def _push(self, row: Claimed) -> None:
        try:
            if self._bucket is not None:
                await self._bucket.take()
            async with asyncio.timeout(PUSH_SECONDS):
                outcome: Done | Exception = await self.adapter.push(_event(row))
        except StoreUnavailable as error:  # of the map of ids: nothing is wrong with the CRM
            outcome = Interrupted(Said("the database did not keep what the CRM answered: %(words)s", words=str(error)))
        except TimeoutError:
            outcome = Unavailable(Said("no answer within %(seconds)s s", seconds=f"{PUSH_SECONDS:g}"))
        except asyncio.CancelledError:  # by ``interrupt`` alone: the result is still to be written down
            outcome = Interrupted(STOPPED)
        except CrmError as error:
            outcome = error
        except Exception as error:
            log.exception("An adapter failed in a way it should not.", extra=self._extra("adapter_error", row))
            outcome = error
        verdict = judge(row, outcome, at=self._clock.now(), random=self._random)
        self._note(verdict, outcome)
        self._ended.append(verdict)
        self._under_way.pop(row.id, None)
        self._play()
        self._awake.set()

    def _note(self, verdict: Verdict, outcome: Done | Exception) -> None:
        """Tell the breaker, the figures and the log."""
        self.results[verdict.result or "not_sent"] += 1
        now = self._clock.monotonic()
        if isinstance(outcome, Unavailable):
            self._breaker.failed(now)
        elif isinstance(outcome, Throttled):
            self._breaker.throttled(now, outcome.retry_after)
        elif isinstance(outcome, Done | CrmError):
            self._breaker.answered()
        if isinstance(outcome, Done):
            self._delivered_at = verdict.at
            log.debug("Delivered.", extra=self._extra("delivered", verdict.claimed))
        else:
            extra = self._extra("not_delivered", verdict.claimed)
            log.info("Not delivered.", extra=extra | {"result": verdict.result, "reason": str(verdict.detail)})

    def _note_hold(self, reason: str | None) -> None:
        if reason is not None and self._hold is None:
            log.warning("A CRM is on hold.", extra=self._extra("crm_held") | {"reason": str(reason)})
        elif reason is None and self._hold is not None:
            log.info("A CRM is no longer on hold.", extra=self._extra("crm_released"))
        self._hold = reason

    def _after_error(self, trouble: Sentence) -> None:
        self._trouble = trouble
        self._orphans = True

    async def _wait(self, seconds: float) -> None:
        """For a kick, a result, the end of a pause or the next look, whichever comes first."""
        resumes_in = self._breaker.resumes_in(self._clock.monotonic())
        if resumes_in > 0:
            seconds = min(seconds, resumes_in)
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            return

    def _extra(self, action: str, row: Claimed | None = None) -> dict[str, object]:
        ids = {"delivery": row.id, "message_id": row.message_id, "try": row.number} if row else {}
        return {"action": action, "crm": self.crm.name, **ids}


def _event(row: Claimed) -> Event:
    """The stored payload as the adapters know it."""
    return Event(
        type=row.payload["type"],
        message_id=row.message_id,
        timestamp=datetime.fromisoformat(row.payload["timestamp"]),
        data=row.payload["data"],
        attempt=row.number,
    )
