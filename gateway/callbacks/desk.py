"""What people and programs do with callbacks: each deed one function, with its line in the history and in the audit.

Every function works in the caller's transaction and locks its callback first, so of fifty who claim at once one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Row, select, update

from gateway.audit.log import Deed, record
from gateway.callbacks import life, rows
from gateway.callbacks.life import BY_HAND, Outcome, Reason, Standing, Step
from gateway.callbacks.people import manager_by
from gateway.callbacks.rows import Entry, Stored
from gateway.callbacks.schedule import Timetable
from gateway.core.by import By
from gateway.core.errors import Conflict, LeadgateError, NotPossible
from gateway.core.placement import Event
from gateway.core.sentences import Sentence
from gateway.live.changes import ChangeKind
from gateway.live.changes import record as record_change
from gateway.storage.tables import CallbackEvent, Manager
from gateway.views.callbacks import callback_event

MAX_NOTE = 4000
"""Characters of a note."""
MAX_SNOOZE = timedelta(days=90)
"""Nobody remembers longer why it was put off."""
UNDOABLE = (
    Step.CLAIMED, Step.RELEASED, Step.ASSIGNED, Step.SNOOZED, Step.ATTEMPTED, Step.NOTED, Step.CLOSED, Step.REOPENED,
)  # fmt: skip
"""What undo takes back: what people did, and a closing by itself."""


class Outgoing(Protocol):
    """The outbox (``processing.step.Outgoing``)."""

    def wants_any(self) -> bool:
        """False where nobody is to be told of anything."""
        ...

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Write the outbox rows of one event, in the transaction of its cause."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The deeds. Raises NotFound for an unknown callback or manager, Conflict where somebody else was faster or it is
    over already, NotPossible for what makes no sense.
    """

    timetable: Timetable
    outgoing: Outgoing

    def claim(self, connection: Connection, callback_id: str, who: By, manager: str | None = None) -> None:
        """Take it on; a program says for which ``manager`` (id or login)."""
        manager_id = self._manager(connection, who, manager)
        stored = rows.lock(connection, callback_id)
        standing = stored.standing
        if standing.waits and standing.claimed_by not in (None, manager_id):
            raise Conflict(_claimed_by(connection, standing, who.at))
        self._do(connection, stored, life.claimed(standing, manager_id, who.at), Step.CLAIMED, who, manager_id)

    def release(self, connection: Connection, callback_id: str, who: By) -> None:
        """Give a claim back."""
        stored = rows.lock(connection, callback_id)
        self._do(connection, stored, life.released(stored.standing), Step.RELEASED, who, stored.standing.claimed_by)

    def assign(self, connection: Connection, callback_id: str, who: By, manager: str | None) -> None:
        """Give it to a manager (id or login), or to nobody."""
        manager_id = manager_by(connection, manager) if manager is not None else None
        stored = rows.lock(connection, callback_id)
        self._do(connection, stored, life.assigned(stored.standing, manager_id), Step.ASSIGNED, who, manager_id)

    def snooze(self, connection: Connection, callback_id: str, who: By, until: datetime | str) -> datetime:
        """Put it off to a moment, or by a preset in working time (``15m``, ``1h``, ``09:00``); returns until when."""
        stored = rows.lock(connection, callback_id)
        moment = until if isinstance(until, datetime) else self._preset(until, who.at, stored.standing.line)
        if moment - who.at > MAX_SNOOZE:
            raise NotPossible("A callback can be put off by %(days)s days at most.", days=MAX_SNOOZE.days)
        after = life.snoozed(stored.standing, moment, who.at, self.timetable.timed)
        self._do(connection, stored, after, Step.SNOOZED, who, who.manager_id, until=moment.isoformat())
        return moment

    def attempt(
        self, connection: Connection, callback_id: str, who: By, outcome: Outcome, note: str | None = None
    ) -> None:
        """We tried in vain, by a way that the gateway does not see."""
        stored = rows.lock(connection, callback_id)
        if not stored.standing.waits:
            raise Conflict("This callback is over already. Reopen it first.")
        # what a person tells now is about those who wait now, whatever the clock of the PBX says
        after = life.attempted(stored.standing, max(who.at, stored.standing.waiting_since))
        self._do(
            connection, stored, after, Step.ATTEMPTED, who, who.manager_id, note=_note(note), outcome=outcome.value
        )

    def note(self, connection: Connection, callback_id: str, who: By, text: str) -> None:
        """Write something down, also to one that is over."""
        note = _note(text)
        if note is None:
            raise NotPossible("The note is empty.")
        stored = rows.lock(connection, callback_id)
        self._do(connection, stored, stored.standing, Step.NOTED, who, who.manager_id, note=note)

    def close(self, connection: Connection, callback_id: str, who: By, reason: Reason, note: str | None = None) -> None:
        """End it, with one of BY_HAND."""
        if reason not in BY_HAND:
            raise NotPossible(
                "%(value)s is for calls to say. A person closes with: %(known)s.",
                value=reason.value,
                known=", ".join(BY_HAND),
            )
        stored = rows.lock(connection, callback_id)
        after = life.closed(stored.standing, reason, who.at, who.actor)
        self._do(connection, stored, after, Step.CLOSED, who, who.manager_id, note=_note(note), reason=reason.value)
        self._tell(connection, "callback.closed", callback_id, who.at)

    def reopen(self, connection: Connection, callback_id: str, who: By) -> None:
        """It is not over after all."""
        stored = rows.lock(connection, callback_id)
        after = life.reopened(stored.standing, who.at, self.timetable.timed)
        _alone(connection, stored)
        self._do(connection, stored, after, Step.REOPENED, who, who.manager_id)
        self._tell(connection, "callback.opened", callback_id, who.at)

    def undo(self, connection: Connection, callback_id: str, who: By) -> Step:
        """Take back the last thing that a person did, or a closing by itself; returns what it was."""
        stored = rows.lock(connection, callback_id)
        last = _last_undoable(connection, callback_id)
        if last is None:
            raise Conflict("There is nothing to undo.")
        kind = Step(last.kind)
        after = stored.standing
        if "before" in last.detail:
            before, changed = rows.read_undo_detail(last.detail)
            after = life.restored(stored.standing, before, changed, self.timetable.timed)
        if after.waits and not stored.standing.waits:
            _alone(connection, stored)
        marked = update(CallbackEvent).where(CallbackEvent.id == last.id).values(undone_at=who.at)
        connection.execute(marked)
        self._do(connection, stored, after, Step.UNDONE, who, who.manager_id, undone=kind.value)
        if after.waits != stored.standing.waits:
            kind_of_event = "callback.opened" if after.waits else "callback.closed"
            self._tell(connection, kind_of_event, callback_id, who.at)
        return kind

    def called(
        self, connection: Connection, callback_id: str, who: By, number: str, extension: str, *, manager_id: str
    ) -> None:
        """The PBX was asked to connect a phone of the manager with the person; whom nobody claimed is his now."""
        stored = rows.lock(connection, callback_id)
        standing = stored.standing
        if standing.waits and standing.claimed_by is None:
            after = life.claimed(standing, manager_id, who.at)
            stored = self._do(connection, stored, after, Step.CLAIMED, who, manager_id)
        self._do(connection, stored, stored.standing, Step.CALLED, who, manager_id, number=number, extension=extension)

    def each(
        self, connection: Connection, callback_ids: Sequence[str], deed: Callable[[str], object]
    ) -> dict[str, LeadgateError]:
        """``deed`` for each of them; those that refuse are left as they are: id -> why. The others are done."""
        refused = {}
        for callback_id in sorted(set(callback_ids)):  # in one order everywhere, so that two who do this never block
            try:
                with connection.begin_nested():
                    deed(callback_id)
            except LeadgateError as error:
                refused[callback_id] = error
        return refused

    def expect(self, connection: Connection, callback_id: str, version: int) -> None:
        """Raise Conflict unless the callback still is as the caller knows it."""
        found = rows.lock(connection, callback_id).version
        if found != version:
            raise Conflict(
                "Somebody changed this callback meanwhile: it is at version %(found)s, not %(version)s.",
                found=found,
                version=version,
            )

    def _do(
        self,
        connection: Connection,
        stored: Stored,
        after: Standing,
        step: Step,
        who: By,
        manager_id: str | None,
        *,
        note: str | None = None,
        **detail: str,
    ) -> Stored:
        """Write the new standing, the line of the history, the deed. What changes nothing and says nothing is none."""
        changed = after != stored.standing
        if not changed and step in (Step.CLAIMED, Step.RELEASED, Step.ASSIGNED):
            return stored
        if changed:
            saved = rows.save(connection, stored, after, who.at)
        else:
            saved = stored
            record_change(connection, ChangeKind.CALLBACK_UPDATED, stored.id, who.at)
        full = {**detail, **rows.undo_detail(stored.standing, after)} if changed else dict(detail)
        entry = Entry(kind=step, actor=who.actor, at=who.at, manager_id=manager_id, note=note, detail=full)
        rows.write_down(connection, stored.id, entry)
        deed = Deed(
            actor=who.actor,
            action=f"callback.{step.value}",
            object_kind="callback",
            object_id=stored.id,
            detail={**detail, "manager": manager_id},
        )
        record(connection, deed, who.at)
        return saved

    def _tell(self, connection: Connection, kind: str, callback_id: str, at: datetime) -> None:
        if self.outgoing.wants_any():
            self.outgoing.put(connection, callback_event(connection, kind, callback_id, at), at)

    def _manager(self, connection: Connection, who: By, manager: str | None) -> str:
        if manager is not None:
            return manager_by(connection, manager)
        if who.manager_id is None:
            raise NotPossible("Say for which manager: a program is none.")
        return who.manager_id

    def _preset(self, preset: str, now: datetime, line: str | None) -> datetime:
        try:
            return self.timetable.snooze(preset, now, line)
        except ValueError as error:
            raise NotPossible("%(why)s.", why=error) from None


def _note(text: str | None) -> str | None:
    stripped = (text or "").strip()
    if len(stripped) > MAX_NOTE:
        raise NotPossible(
            "The note has %(count)s characters; %(most)s are kept at most.", count=len(stripped), most=MAX_NOTE
        )
    return stripped or None


def _claimed_by(connection: Connection, standing: Standing, now: datetime) -> Sentence:
    """``Anna took it 12 s ago.``"""
    query = select(Manager.name).where(Manager.id == standing.claimed_by)
    name = connection.execute(query).scalar_one_or_none() or Sentence("Somebody")
    seconds = int((now - standing.claimed_at).total_seconds()) if standing.claimed_at is not None else 0
    if seconds < 120:
        ago = Sentence("%(num)s s", {"num": seconds})
    elif seconds < 7200:
        ago = Sentence("%(num)s min", {"num": seconds // 60})
    else:
        ago = Sentence("%(num)s h", {"num": seconds // 3600})
    return Sentence("%(who)s took it %(ago)s ago.", {"who": name, "ago": ago})


def _alone(connection: Connection, stored: Stored) -> None:
    """Raise Conflict where the person waits in another callback already."""
    if stored.contact_id is not None and rows.lock_open_of(connection, stored.contact_id) is not None:
        raise Conflict("The person tried again since: there is a newer callback that is open.")


def _last_undoable(connection: Connection, callback_id: str) -> Row[tuple[int, str, dict[str, Any]]] | None:
    kinds = [kind.value for kind in UNDOABLE]
    query = (
        select(CallbackEvent.id, CallbackEvent.kind, CallbackEvent.detail)
        .where(
            CallbackEvent.callback_id == callback_id,
            CallbackEvent.kind.in_(kinds),
            CallbackEvent.undone_at.is_(None),
            # of what calls did only a closing can be taken back
            (CallbackEvent.interaction_id.is_(None)) | (CallbackEvent.kind == Step.CLOSED.value),
        )
        .order_by(CallbackEvent.id.desc())
        .limit(1)
    )
    return connection.execute(query).first()
