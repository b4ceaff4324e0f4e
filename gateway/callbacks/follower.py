"""What the processing places, in the eyes of those who wait for a call: opens callbacks, counts tries, closes them.

Runs in the transaction of the processing. The same placement twice changes nothing: a try is one interaction, and a
step that an interaction caused is in the history once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from gateway.audit.log import GATEWAY
from gateway.callbacks import life, rows
from gateway.callbacks.facts import (
    IsOwn,
    answer_of,
    answers_since,
    belongs_to,
    facts_of,
    facts_told,
    put_through_to,
)
from gateway.callbacks.life import Answer, Step, Try
from gateway.callbacks.people import AsksWho, manager_of_call, owner_of
from gateway.callbacks.rows import Entry, Stored
from gateway.callbacks.schedule import Timetable
from gateway.callbacks.settings import CallbacksSettings
from gateway.callbacks.touches import Facts, Meaning, Touch, read
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Direction, Kind, Phase
from gateway.views.callbacks import callback_event


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFollower:
    """A ``processing.step.Follower``."""

    settings: CallbacksSettings
    timetable: Timetable
    is_own: IsOwn
    asks: AsksWho | None = None
    """The routing; None: nobody owns what neither the contact's owner nor a ringing phone tells."""

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Open, join, close or leave alone."""
        draft = placement.draft
        if draft.phase in (Phase.RECEIVED, Phase.RINGING) or draft.kind is not Kind.MESSAGE:
            return ()
        if draft.direction is Direction.INTERNAL:
            return ()
        if self._means_nothing(placement):
            return self._learned(connection, placement)
        facts = facts_of(connection, placement.interaction_id, self.is_own)
        touch = read(facts, self.settings) if facts is not None else None
        if facts is None or touch is None:
            return ()
        if touch.meaning is Meaning.NOTHING:
            return self._learned(connection, placement)
        if facts.by_colleague:
            placement = self._of_the_person(connection, placement, facts)
        if touch.meaning is Meaning.TRY:
            return self._tried(connection, placement, facts, touch)
        if placement.contact_id is None:
            return ()
        return self._touched(connection, placement, facts, touch)

    def _means_nothing(self, placement: Placement) -> bool:
        """Whether the report alone tells that nobody waits for a call, so that the row need not be read again.

        Only of letters and forms: they are over with each report. Where the row has a newer reading of one, that is
        placed after this one, and judged then. A call is told in parts, and only its row knows the whole.
        """
        if placement.channel is Channel.CALL or placement.draft.phase is not Phase.ENDED:
            return False
        return read(facts_told(placement.channel, placement.draft), self.settings).meaning is Meaning.NOTHING

    def _of_the_person(self, connection: Connection, placement: Placement, facts: Facts) -> Placement:
        """A colleague called from outside: the call belongs to whom it was put through to."""
        contact_id = put_through_to(connection, facts, self.is_own)
        if contact_id is not None and placement.contact_id is None:
            belongs_to(connection, placement.interaction_id, contact_id, placement.at)
        return replace(placement, contact_id=contact_id or placement.contact_id)

    def _touched(self, connection: Connection, placement: Placement, facts: Facts, touch: Touch) -> Sequence[Event]:
        """The person was reached, or we tried in vain."""
        assert placement.contact_id is not None
        stored = rows.lock_open_of(connection, placement.contact_id)
        if stored is None:
            return ()
        if touch.meaning is Meaning.ATTEMPT:
            return self._attempted(connection, placement, stored, facts, touch)
        answer = answer_of(facts, touch, placement.interaction_id, actor=GATEWAY, now=placement.at)
        if rows.happened(connection, stored.id, Step.CLOSED, placement.interaction_id):
            return ()  # somebody reopened it: the same call does not close it again
        return self._answered(connection, placement, stored, facts, answer)

    def _learned(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Two contacts may just have proved to be one person: an answer to the other one counts for both."""
        stored = rows.lock_open_of(connection, placement.contact_id) if placement.contact_id is not None else None
        if stored is None or placement.contact_id is None:
            return ()
        answers = answers_since(
            connection,
            placement.contact_id,
            stored.standing.waiting_since,
            settings=self.settings,
            is_own=self.is_own,
            actor=GATEWAY,
            now=placement.at,
        )
        for answer in answers:
            after = life.answered(
                stored.standing, answer, rows.try_moments(connection, stored.id), self.timetable.timed
            )
            known = answer.interaction_id or ""
            if after.waits or rows.happened(connection, stored.id, Step.CLOSED, known):
                continue  # a person reopened what it had closed
            entry = Entry(kind=Step.CLOSED, actor=GATEWAY, at=placement.at, interaction_id=known)
            return self._close(connection, stored, after, entry)
        return ()

    def _close(self, connection: Connection, stored: Stored, after: life.Standing, entry: Entry) -> Sequence[Event]:
        """Over by itself; undo can take it back."""
        rows.save(connection, stored, after, entry.at)
        detail = {"reason": after.close_reason, **rows.undo_detail(stored.standing, after)}
        rows.write_down(connection, stored.id, replace(entry, detail=detail))
        return (callback_event(connection, "callback.closed", stored.id, entry.at),)

    def _attempted(
        self, connection: Connection, placement: Placement, stored: Stored, facts: Facts, touch: Touch
    ) -> Sequence[Event]:
        after = life.attempted(stored.standing, touch.at)
        if after == stored.standing or rows.happened(connection, stored.id, Step.ATTEMPTED, placement.interaction_id):
            return ()
        rows.save(connection, stored, after, placement.at)
        entry = self._entry(connection, Step.ATTEMPTED, placement, facts)
        rows.write_down(connection, stored.id, replace(entry, detail={"outcome": facts.outcome}))
        return ()

    def _answered(
        self, connection: Connection, placement: Placement, stored: Stored, facts: Facts, answer: Answer
    ) -> Sequence[Event]:
        moments = rows.try_moments(connection, stored.id)
        after = life.answered(stored.standing, answer, moments, self.timetable.timed)
        if after == stored.standing:
            return ()
        if after.waits:  # only some of the tries were answered by it
            rows.save(connection, stored, after, placement.at)
            return ()
        return self._close(connection, stored, after, self._entry(connection, Step.CLOSED, placement, facts))

    def _tried(self, connection: Connection, placement: Placement, facts: Facts, touch: Touch) -> Sequence[Event]:
        made = Try(at=touch.at, reason=touch.reason, channel=facts.channel.value, line=facts.line, number=facts.number)
        known = rows.try_of(connection, placement.interaction_id)
        if known is not None:
            self._known_better(connection, placement, known, made)
            return ()
        if placement.is_history or placement.at - touch.at > self.settings.max_age:
            return ()
        contact_id = placement.contact_id
        if contact_id is None or placement.is_newcomer:
            return self._open(connection, placement, facts, made)
        learned = self._learned(connection, placement)
        return [*learned, *self._tried_by(connection, placement, contact_id, facts, made)]

    def _tried_by(
        self, connection: Connection, placement: Placement, contact_id: str, facts: Facts, made: Try
    ) -> Sequence[Event]:
        """A new try of somebody who is known."""
        answers = answers_since(
            connection,
            contact_id,
            made.at,
            settings=self.settings,
            is_own=self.is_own,
            actor=GATEWAY,
            now=placement.at,
        )
        if answers:
            return self._answered_already(connection, placement, made, answers[0])
        stored = rows.lock_open_of(connection, contact_id)
        if stored is None:
            stored = rows.lock_reached_by_hand(connection, contact_id, made.at)
        if stored is None:
            return self._open(connection, placement, facts, made)
        after = life.tried(stored.standing, made, self.timetable.timed)
        self._keep_try(connection, placement, stored, after, made)
        return ()

    def _keep_try(
        self, connection: Connection, placement: Placement, stored: Stored, after: life.Standing, made: Try
    ) -> None:
        """One more try of a callback that is there."""
        if after.lead_id is None:
            after = replace(after, lead_id=placement.lead_id)
        rows.save(connection, stored, after, placement.at, keep_until=placement.keep_until)
        rows.add_try(connection, stored.id, placement.interaction_id, made)
        entry = Entry(kind=Step.TRIED, actor=GATEWAY, at=placement.at, interaction_id=placement.interaction_id)
        rows.write_down(connection, stored.id, replace(entry, detail={"reason": made.reason, "line": made.line}))

    def _open(self, connection: Connection, placement: Placement, facts: Facts, made: Try) -> Sequence[Event]:
        stored = self._create(connection, placement, facts, made)
        if not placement.is_told:
            return ()
        return (callback_event(connection, "callback.opened", stored.id, placement.at),)

    def _create(self, connection: Connection, placement: Placement, facts: Facts, made: Try) -> Stored:
        owner = owner_of(connection, placement, facts.details, self.asks)
        standing = replace(
            life.opened(made, self.timetable.timed),
            lead_id=placement.lead_id,
            owner_id=owner.manager_id,
            owner_rule=owner.rule,
        )
        stored = rows.create(
            connection,
            placement.contact_id,
            standing,
            at=placement.at,
            keep_until=placement.keep_until,
            new_id=placement.new_id,
        )
        rows.add_try(connection, stored.id, placement.interaction_id, made)
        entry = Entry(kind=Step.OPENED, actor=GATEWAY, at=placement.at, interaction_id=placement.interaction_id)
        detail = {"reason": made.reason, "line": made.line, "owner_rule": owner.rule}
        rows.write_down(connection, stored.id, replace(entry, manager_id=owner.manager_id, detail=detail))
        return stored

    def _answered_already(
        self, connection: Connection, placement: Placement, made: Try, answer: Answer
    ) -> Sequence[Event]:
        """The try is reported after the answer to it: part of the callback that the answer closed, or one born over."""
        assert placement.contact_id is not None
        assert answer.interaction_id is not None
        closed = rows.lock_closed_by(connection, placement.contact_id, answer.interaction_id)
        if closed is not None:
            after = life.corrected(closed.standing, made, answer, self.timetable.timed)
            self._keep_try(connection, placement, closed, after, made)
            return ()
        # born over in one go: a second open callback of the same person can't be stored, not even for a moment
        standing = life.ended(life.opened(made, self.timetable.timed), answer)
        stored = rows.create(
            connection,
            placement.contact_id,
            replace(standing, lead_id=placement.lead_id),
            at=placement.at,
            keep_until=placement.keep_until,
            new_id=placement.new_id,
        )
        rows.add_try(connection, stored.id, placement.interaction_id, made)
        for kind, interaction_id, reason in (
            (Step.OPENED, placement.interaction_id, made.reason),
            (Step.CLOSED, answer.interaction_id, standing.close_reason),
        ):
            entry = Entry(kind=kind, actor=GATEWAY, at=placement.at, interaction_id=interaction_id)
            detail = {"reason": reason, "reported_late": True}
            rows.write_down(connection, stored.id, replace(entry, detail=detail))
        return ()

    def _known_better(self, connection: Connection, placement: Placement, known: rows.StoredTry, made: Try) -> None:
        """A later report of a try that is known: whose number it was, or why it was missed."""
        stored = rows.lock(connection, known.callback_id)
        if stored.contact_id is None and placement.contact_id is not None:
            stored = self._give(connection, placement, stored)
        if known.made == made:
            return
        rows.correct_try(connection, known, made)
        if made.at == stored.standing.last_at:
            better = replace(stored.standing, reason=made.reason, line=made.line, number=made.number)
            rows.save(connection, stored, better, placement.at)

    def _give(self, connection: Connection, placement: Placement, stored: Stored) -> Stored:
        """The number was withheld at first. Where its owner waits already it stays apart: nothing is lost by that."""
        assert placement.contact_id is not None
        if stored.standing.waits and rows.lock_open_of(connection, placement.contact_id) is not None:
            return stored
        rows.give_to_contact(connection, stored, placement.contact_id)
        return replace(stored, contact_id=placement.contact_id)

    def _entry(self, connection: Connection, kind: Step, placement: Placement, facts: Facts) -> Entry:
        manager_id = manager_of_call(connection, facts.details)
        return Entry(
            kind=kind,
            actor=GATEWAY,
            at=placement.at,
            manager_id=manager_id,
            interaction_id=placement.interaction_id,
        )
