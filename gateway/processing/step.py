"""What one journal row does to the business tables: contact, lead, outbox, changes, all in one transaction.

Running it twice does no harm: the row's own state, written in the same transaction, says that it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from gateway.capture.interactions import apply_draft, draft_from_json, draft_to_json
from gateway.contacts.resolve import Person, Resolved, is_known, resolve
from gateway.core.clock import NewId
from gateway.core.placement import Event, Placement
from gateway.core.types import Channel, Draft, Handle, HandleKind, Phase
from gateway.leads.life import Placed, Request, open_or_join
from gateway.live.changes import ChangeKind, gathering, record
from gateway.outgoing.threads import Thread, thread_of
from gateway.storage.prepared import Prepared
from gateway.storage.tables import NEW, Interaction, Journal, table_of
from gateway.views.interactions import interactions_by_id
from gateway.views.leads import leads_by_id


class Outgoing(Protocol):
    """The outbox, as the processing sees it."""

    def wants_any(self) -> bool:
        """False where nobody is to be told of anything: then no event is made."""
        ...

    def wants(self, event_type: str) -> bool:
        """Whether somebody is to be told of such events. Asked before news of the moment are made."""
        ...

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """Write the outbox rows of one event, in the transaction of its cause."""
        ...


class Calendar(Protocol):
    """The working hours, as the processing sees them. Asked once for every row: an answer costs microseconds."""

    def after_hours(self, moment: datetime, line: str | None) -> bool | None:
        """True outside the hours of what was dialled, written to or filled in; None where no hours are known."""
        ...


Forgotten = Callable[[Connection, Sequence[Handle], datetime], bool]
"""Whether one of these handles belonged to somebody who was erased after that moment."""


class Follower(Protocol):
    """A room that acts on what was placed: gives the lead an owner, opens a callback, closes one."""

    def follow(self, connection: Connection, placement: Placement) -> Sequence[Event]:
        """Do what follows, in the same transaction; what a CRM should hear of it. Doing it twice does no harm."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the processing must know of the company."""

    own_handles: frozenset[Handle]
    """Numbers and addresses of the company and its managers: never a contact."""
    own_domains: frozenset[str]
    """Mail domains of the company: an address there is never a contact."""
    open_for_outbound: bool
    keep: timedelta | None
    calendar: Calendar | None = None
    history: timedelta | None = None
    """What is read later and is older than this opens no lead and is no news for a CRM."""
    forgotten: Forgotten | None = None
    """Who was erased: what is read later of them goes away again."""

    def is_own(self, handle: Handle) -> bool:
        """True for the company's own numbers and addresses."""
        if handle in self.own_handles:
            return True
        return handle.kind is HandleKind.EMAIL and handle.value.rpartition("@")[2] in self.own_domains


READ_LATER = frozenset({"cel", "cdr", "imap", "mailfile"})
"""Connectors that read what happened before. Of the others a date of long ago is only a clock that is wrong."""
RECEIVED_EVENT = {Channel.MAIL: "email.received", Channel.FORM: "form.received", Channel.CALL: "call.finished"}
LIVE_EVENT = {Phase.RINGING: "call.ringing", Phase.ANSWERED: "call.answered"}
"""Of a call that goes on, for who wants to hear of it while it does."""


JOURNAL, INTERACTION = table_of(Journal), table_of(Interaction)

_ROW = Prepared(
    select(
        JOURNAL.c.draft,
        JOURNAL.c.connector,
        INTERACTION.c.id,
        INTERACTION.c.channel,
        INTERACTION.c.phase,
        INTERACTION.c.contact_id,
        INTERACTION.c.lead_id,
        INTERACTION.c.after_hours,
        INTERACTION.c.line,
        INTERACTION.c.occurred_at,
    )
    .join_from(JOURNAL, INTERACTION, INTERACTION.c.id == JOURNAL.c.interaction_id)
    .where(JOURNAL.c.id == bindparam("journal_id"), JOURNAL.c.state == NEW)
    .with_for_update(of=JOURNAL, skip_locked=True)  # SQLite has one writer and ignores it
)
_PLACE = Prepared(
    update(INTERACTION)
    .where(INTERACTION.c.id == bindparam("interaction_id"))
    .values(
        contact_id=bindparam("contact"),
        lead_id=bindparam("lead"),
        after_hours=bindparam("after"),
        updated_at=bindparam("at"),
    )
)
_DONE = Prepared(
    update(JOURNAL)
    .where(JOURNAL.c.id == bindparam("journal_id"))
    .values(state="done", processed_at=bindparam("at"), error=None)
)
_FORGET = delete(INTERACTION).where(INTERACTION.c.id == bindparam("interaction"))
_READ = Prepared(update(JOURNAL).where(JOURNAL.c.id == bindparam("journal_id")).values(draft=bindparam("read")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a step works with."""

    rules: Rules
    outgoing: Outgoing
    at: datetime
    new_id: NewId
    followers: Sequence[Follower] = ()
    """Asked in this order."""


def process(connection: Connection, journal_id: int, interpreted: Draft | None, means: Means) -> bool:
    """Do the row's work; False where another process has it or it is done.

    ``interpreted`` is the draft of a row that was stored without one.
    """
    row = _ROW.first(connection, journal_id=journal_id)
    if row is None:
        return False
    if row.draft is not None:
        draft = draft_from_json(row.draft)
    elif interpreted is not None:
        draft = _take_up(connection, journal_id, row, interpreted, means.at)
    else:
        raise ValueError(f"journal row {journal_id} has neither a draft nor an interpreter")
    if _is_forgotten(connection, row, draft, means.rules):
        connection.execute(_FORGET, {"interaction": row.id})  # and its journal with it
        return True
    with gathering(connection):
        _place(connection, row, draft, means)
    _DONE.change(connection, journal_id=journal_id, at=means.at)
    return True


def _is_forgotten(connection: Connection, row: Any, draft: Draft, rules: Rules) -> bool:
    """Something of before that a person had erased, met again in a log or a mailbox."""
    if rules.forgotten is None or row.connector not in READ_LATER:
        return False
    return rules.forgotten(connection, draft.handles, draft.occurred_at)


def _take_up(connection: Connection, journal_id: int, row: Any, interpreted: Draft, at: datetime) -> Draft:
    """Write down what was read in a raw item; the draft comes back clean of what no database takes."""
    stored = draft_to_json(interpreted)
    draft = draft_from_json(stored)
    apply_draft(connection, row.id, Phase(row.phase), draft, at)
    _READ.change(connection, journal_id=journal_id, read=stored)
    return draft


def _place(connection: Connection, row: Any, draft: Draft, means: Means) -> None:
    """Contact, lead, events and changes of the interaction."""
    at, rules, is_told = means.at, means.rules, means.outgoing.wants_any()
    keep_until = at + rules.keep if rules.keep is not None else None
    thread = thread_of(connection, Channel(row.channel), draft)
    person = _person(draft, rules)
    who = None
    if not _is_stranger_in(connection, thread, person):
        who = resolve(connection, person, at=at, keep_until=keep_until, new_id=means.new_id, why=_why(draft, person))
    where = Placement(
        interaction_id=row.id,
        connector=row.connector,
        channel=Channel(row.channel),
        draft=draft,
        contact_id=who.contact_id if who else row.contact_id or (thread.contact_id if thread else None),
        lead_id=row.lead_id,
        lead_opened=False,
        after_hours=_after_hours(row, draft, rules),
        is_history=_is_history(row, draft, means),
        at=at,
        new_id=means.new_id,
        keep_until=keep_until,
        is_newcomer=who is not None and who.created,
        is_told=is_told,
    )
    placed = None
    if row.lead_id is not None or not (where.is_history or _is_colleague(where.channel, draft, person)):
        known = replace(where, lead_id=where.lead_id or (thread.lead_id if thread else None))
        placed = _open_or_join(connection, known, rules)
    if placed is not None:
        where = replace(where, lead_id=placed.lead_id, lead_opened=placed.opened)
    if (where.contact_id, where.lead_id, where.after_hours) != (row.contact_id, row.lead_id, row.after_hours):
        placing = {"contact": where.contact_id, "lead": where.lead_id, "after": where.after_hours, "at": at}
        _PLACE.change(connection, interaction_id=row.id, **placing)
    record(connection, ChangeKind.INTERACTION_UPDATED, row.id, at)
    followed = [event for follower in means.followers for event in follower.follow(connection, where)]
    if is_told:
        for event in [*(_events(connection, row, draft, who, placed, means.outgoing) if placed else ()), *followed]:
            means.outgoing.put(connection, event, at)


def _is_stranger_in(connection: Connection, thread: Thread | None, person: Person) -> bool:
    """Somebody nobody knows answers a letter of ours: a colleague of the person, or the person from elsewhere.

    The letter belongs to the history of whom we wrote to, but its address does not become theirs: nothing proves it.
    """
    return thread is not None and thread.contact_id is not None and not is_known(connection, person.handles)


def _open_or_join(connection: Connection, where: Placement, rules: Rules) -> Placed | None:
    request = Request(
        interaction_id=where.interaction_id,
        channel=where.channel,
        draft=where.draft,
        contact_id=where.contact_id,
        lead_id=where.lead_id,
        after_hours=where.after_hours,
        newcomer=where.is_newcomer,
    )
    return open_or_join(
        connection,
        request,
        open_for_outbound=rules.open_for_outbound,
        at=where.at,
        keep_until=where.keep_until,
        new_id=where.new_id,
    )


def _is_colleague(channel: Channel, draft: Draft, person: Person) -> bool:
    """One of our own numbers called, from a manager's mobile: nobody wants anything of us."""
    return channel is Channel.CALL and bool(draft.handles) and not person.handles


def _is_history(row: Any, draft: Draft, means: Means) -> bool:
    """Something of long ago that was read just now: part of the person's history, nobody waits for an answer to it."""
    if means.rules.history is None or row.connector not in READ_LATER:
        return False
    return draft.occurred_at < means.at - means.rules.history


def _after_hours(row: Any, draft: Draft, rules: Rules) -> bool | None:
    """Whether it began outside working time; what was known before stays where nothing is known now.

    The row has the best of all reports of the interaction, but for one that was stored before it was understood.
    """
    if rules.calendar is None:
        return row.after_hours  # type: ignore[no-any-return]
    moment, line = (row.occurred_at, row.line) if row.draft is not None else (draft.occurred_at, draft.line)
    found = rules.calendar.after_hours(moment, line)
    return row.after_hours if found is None else found


def _person(draft: Draft, rules: Rules) -> Person:
    outside = [handle for handle in draft.handles if not rules.is_own(handle)]
    return Person(handles=outside, name=draft.name, company=draft.company)


def _why(draft: Draft, person: Person) -> str:
    carried = " and ".join(handle.value for handle in person.handles)
    return f"one item from {draft.source.name or draft.line or 'outside'} carried {carried}"


def _events(
    connection: Connection, row: Any, draft: Draft, who: Resolved | None, placed: Placed, outgoing: Outgoing
) -> Sequence[Event]:
    """The events that this step caused, in the order in which a CRM should see them.

    Only what touched a lead is news for a CRM: no spam, no internal calls, no machines' mail.
    """
    lead_id = placed.lead_id
    lead: dict[str, Any] = msgspec.to_builtins(leads_by_id(connection, [lead_id])[lead_id])
    contact = lead["contact"]
    order_key = contact["id"] if contact else lead_id

    def event(kind: str, data: dict[str, Any], interaction: str | None = None) -> Event:
        return Event(type=kind, order_key=order_key, data=data, lead_id=lead_id, interaction_id=interaction)

    events = []
    if contact and who is not None and (who.created or who.merged):
        events.append(event("contact.upserted", {**contact, "merged": list(who.merged)}))
    events.append(event("lead.created" if placed.opened else "lead.updated", lead))
    kind = _told_as(row, draft, outgoing)
    if kind is not None:
        told = interactions_by_id(connection, [row.id])[row.id]
        events.append(event(kind, msgspec.to_builtins(told), row.id))
    return events


def _told_as(row: Any, draft: Draft, outgoing: Outgoing) -> str | None:
    """The event that the interaction itself is; None where nobody waits for one."""
    if draft.phase is Phase.ENDED:
        return RECEIVED_EVENT[Channel(row.channel)]
    live = LIVE_EVENT.get(draft.phase) if row.channel == Channel.CALL.value else None
    if live is None or row.phase != draft.phase.value:  # it went on since: that is told in a moment
        return None
    return live if outgoing.wants(live) else None
