"""Interactions as they are stored, in the words of ``touches``: the best of all their reports, not the last one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from gateway.callbacks.life import Answer, Reason, State
from gateway.callbacks.settings import CallbacksSettings
from gateway.callbacks.touches import Facts, Meaning, Touch, read
from gateway.core.types import Channel, Direction, Draft, Handle, HandleKind, Kind, Phase
from gateway.storage.prepared import Prepared
from gateway.storage.tables import ContactHandle, Interaction, table_of

INTERACTION, HANDLE = table_of(Interaction), table_of(ContactHandle)
IsOwn = Callable[[Handle], bool]
"""True for the company's own numbers and addresses (``processing.step.Rules.is_own``)."""

LONGEST_WAIT = timedelta(hours=6)
"""A call that began before a try may have been answered after it; none rings longer than this."""
LOOKED_AT = 500
"""Interactions of one contact that are looked at for an answer, from the try on."""

_WANTED = select(
    *(
        INTERACTION.c[name]
        for name in (
            "id", "channel", "direction", "kind", "phase", "outcome", "line", "subject", "text", "fields", "handles",
            "details", "after_hours", "occurred_at",
        )
    )
)  # fmt: skip
_ONE = Prepared(_WANTED.where(INTERACTION.c.id == bindparam("id")))
_OF_CONTACT = Prepared(
    _WANTED.where(INTERACTION.c.contact_id == bindparam("contact_id"), INTERACTION.c.occurred_at >= bindparam("since"))
    .order_by(INTERACTION.c.occurred_at, INTERACTION.c.id)
    .limit(LOOKED_AT)
)
_WHOSE = Prepared(
    select(HANDLE.c.contact_id).where(HANDLE.c.value == bindparam("value"), HANDLE.c.kind == bindparam("kind"))
)


def facts_of(connection: Connection, interaction_id: str, is_own: IsOwn) -> Facts | None:
    """What is known of one interaction; None for one that nobody understood yet."""
    row = _ONE.first(connection, id=interaction_id)
    return _facts(row, is_own) if row is not None else None


def facts_told(channel: Channel, draft: Draft) -> Facts:
    """The same of a letter or form out of its report alone."""
    return Facts(
        channel=channel,
        direction=draft.direction,
        kind=draft.kind,
        phase=draft.phase,
        occurred_at=draft.occurred_at,
        details=draft.details,
        line=draft.line,
        text=_words(draft.subject, draft.text, draft.fields),
    )


def answers_since(
    connection: Connection,
    contact_id: str,
    since: datetime,
    *,
    settings: CallbacksSettings,
    is_own: IsOwn,
    actor: str,
    now: datetime,
) -> list[Answer]:
    """When the person was reached from ``since`` on, the first first."""
    found = []
    for row in _OF_CONTACT.rows(connection, contact_id=contact_id, since=since - LONGEST_WAIT):
        facts = _facts(row, is_own)
        touch = read(facts, settings) if facts is not None else None
        if facts is None or touch is None or touch.at < since or not is_answer(touch):
            continue
        found.append(answer_of(facts, touch, row.id, actor=actor, now=now))
    return sorted(found, key=lambda answer: answer.at)


def is_answer(touch: Touch) -> bool:
    """The person was reached."""
    return touch.meaning in (Meaning.REACHED_BY_US, Meaning.REACHED_BY_CLIENT)


def answer_of(facts: Facts, touch: Touch, interaction_id: str, *, actor: str, now: datetime) -> Answer:
    """The answer that a touch is."""
    by_us = touch.meaning is Meaning.REACHED_BY_US
    reason = Reason.ANSWERED_OUR_CALL if by_us else Reason.CALLED_AGAIN
    return Answer(
        at=touch.at,
        ending=State.REACHED_BY_US if by_us else State.REACHED_BY_CLIENT,
        reason=reason if facts.channel is Channel.CALL else Reason.LETTER,
        interaction_id=interaction_id,
        actor=actor,
        known_at=now,
    )


def put_through_to(connection: Connection, facts: Facts, is_own: IsOwn) -> str | None:
    """The contact whom a colleague called from outside through the PBX; None where it was nobody that we know."""
    told = [facts.details.get("answered_by"), *(_texts(facts.details.get("rang")))]
    numbers = dict.fromkeys(number for number in told if isinstance(number, str) and number.startswith("+"))
    for number in numbers:
        handle = Handle(HandleKind.PHONE, number)
        if not is_own(handle):
            contact_id = _contact_of(connection, handle)
            if contact_id is not None:
                return contact_id
    return None


def _contact_of(connection: Connection, handle: Handle) -> str | None:
    contact_id: str | None = _WHOSE.value(connection, value=handle.value, kind=handle.kind.value)
    return contact_id


def belongs_to(connection: Connection, interaction_id: str, contact_id: str, at: datetime) -> None:
    """Make it part of the history of the person whom it reached."""
    change = update(INTERACTION).where(INTERACTION.c.id == interaction_id, INTERACTION.c.contact_id.is_(None))
    connection.execute(change.values(contact_id=contact_id, updated_at=at))


def _facts(row: Any, is_own: IsOwn) -> Facts | None:
    if row.direction is None or row.kind is None:
        return None
    channel, direction = Channel(row.channel), Direction(row.direction)
    handles = [Handle(HandleKind(handle["kind"]), handle["value"]) for handle in row.handles]
    from_us = bool(handles) and all(is_own(handle) for handle in handles)
    phones = [handle.value for handle in handles if handle.kind is HandleKind.PHONE and not is_own(handle)]
    return Facts(
        channel=channel,
        direction=direction,
        kind=Kind(row.kind),
        phase=Phase(row.phase),
        occurred_at=row.occurred_at,
        details=row.details,
        line=row.line,
        outcome=row.outcome,
        text=_words(row.subject, row.text, row.fields) if channel is not Channel.CALL else "",
        number=next(iter(phones), None),
        by_colleague=channel is Channel.CALL and direction is Direction.INBOUND and from_us,
        after_hours=row.after_hours,
    )


def _words(subject: str | None, text: str, fields: Mapping[str, str]) -> str:
    """All words of a letter or form."""
    return "\n".join([subject or "", text, *fields.values()])


def _texts(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
