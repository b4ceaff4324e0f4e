"""How the gateway is: ``GET /health`` for probes and people, and the facts behind the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from aiohttp import web

from gateway.core.clock import Clock
from gateway.core.languages import texts_for
from gateway.core.ports import SourceHealth
from gateway.core.sentences import ENGLISH, NOTHING, Sentence, Texts, counted
from gateway.core.states import state_name

HEALTH_PATH = "/health"
LATE = timedelta(minutes=5)
"""An item that was stored so long ago and is no lead yet is said: a backlog of that age is no burst."""


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Things that wait."""

    count: int = 0
    oldest_at: datetime | None = None


class DatabaseStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The store."""

    ok: bool
    engine: str
    """Name and version: ``SQLite 3.51.3``, ``PostgreSQL 15.9``."""
    detail: Sentence = NOTHING
    """When it is not ok: why, and what becomes of what comes in."""
    warnings: tuple[Sentence, ...] = ()
    """Promises that this database or setting can't keep, each with what to do."""
    durability: Sentence = NOTHING
    """What survives what, in words: ``commit on disk (WAL, synchronous=FULL)``."""
    standby: str = ""
    """PostgreSQL: ``none``, ``asynchronous`` or ``synchronous``."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that /health and /metrics tell. app.py collects it."""

    database: DatabaseStatus
    sources: tuple[SourceHealth, ...] = ()
    spool: Backlog = Backlog()
    """Items that wait in files, as the database was away."""
    journal: Backlog = Backlog()
    """Items stored, not yet turned into leads."""
    journal_aside: int = 0
    """Items that could not be understood after all tries, until a person decides."""
    outbox: Backlog = Backlog()
    """Deliveries that wait."""
    outbox_held: int = 0
    outbox_dead: int = 0
    recordings_owed: int = 0
    """Recordings, of erased people or too old, that could not be removed."""
    outgoing: Backlog = Backlog()
    """Letters, messages and notices that are on their way out."""
    outgoing_failed: int = 0
    outgoing_unknown: int = 0
    """Those that may have arrived."""
    outgoing_tries: Mapping[str, int] = {}
    """Result -> tries since the start."""


class StatusSource(Protocol):
    """Who knows how the gateway is: the composition root."""

    async def status(self) -> Status:
        """The state now. Never raises: a database that is away is a state."""
        ...


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """One source."""

    name: str
    ok: bool
    state: str
    detail: str
    last_event_at: datetime | None
    last_event_age_seconds: float | None


class DatabaseView(msgspec.Struct, frozen=True, kw_only=True):
    """The store."""

    ok: bool
    engine: str
    detail: str
    warnings: list[str]
    durability: str
    standby: str


class BacklogView(msgspec.Struct, frozen=True, kw_only=True):
    """Things that wait."""

    count: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None


class JournalView(BacklogView, frozen=True, kw_only=True):
    """What was stored and is not processed yet; ``aside`` waits for a person."""

    aside: int


class OutboxView(BacklogView, frozen=True, kw_only=True):
    """Deliveries that wait; ``held`` and ``dead`` need a person."""

    held: int
    dead: int


class OutgoingHealthView(BacklogView, frozen=True, kw_only=True):
    """Letters and messages on their way out; of ``failed`` their writers were told, ``unknown`` may have arrived."""

    failed: int
    unknown: int


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of /health."""

    status: str
    """``ok``; ``degraded``: something needs a person, and nothing is lost; ``failing``: the database is away."""
    problems: list[str]
    """Sentences: each degradation, and what to do."""
    sources: list[SourceView]
    database: DatabaseView
    spool: BacklogView
    journal: JournalView
    outbox: OutboxView
    outgoing: OutgoingHealthView


def health_word(status: Status, now: datetime) -> str:
    """``ok``, ``degraded`` or ``failing``."""
    return "failing" if not status.database.ok else "degraded" if problems_of(status, now) else "ok"


def health_view(status: Status, now: datetime, texts: Texts = ENGLISH) -> HealthView:
    """``status`` as people and probes read it."""
    return HealthView(
        status=health_word(status, now),
        problems=[sentence.said(texts) for sentence in problems_of(status, now)],
        sources=[_source(source, now, texts) for source in status.sources],
        database=_database(status.database, texts),
        spool=BacklogView(**_backlog(status.spool, now)),
        journal=JournalView(**_backlog(status.journal, now), aside=status.journal_aside),
        outbox=OutboxView(**_backlog(status.outbox, now), held=status.outbox_held, dead=status.outbox_dead),
        outgoing=OutgoingHealthView(
            **_backlog(status.outgoing, now), failed=status.outgoing_failed, unknown=status.outgoing_unknown
        ),
    )


def health_route(source: StatusSource, clock: Clock) -> web.RouteDef:
    """``GET /health``: 503 only when the database is away.

    A PBX that is down is ``degraded`` with 200: a balancer or supervisor that took the gateway out for that would lose
    the forms and mails too. English, unless ``?language=ru`` asks for another: ``leadgate doctor`` shows it to people.
    """
    encoder = msgspec.json.Encoder()

    async def answer(request: web.Request) -> web.Response:
        view = health_view(await source.status(), clock.now(), texts_for(request.query.get("language")))
        return web.Response(
            status=503 if view.status == "failing" else 200,
            body=encoder.encode(view),
            content_type="application/json",
        )

    return web.get(HEALTH_PATH, answer)


def age_seconds(moment: datetime | None, now: datetime) -> float | None:
    """Seconds since ``moment``, never below zero; None where there is none."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else None


def _database(database: DatabaseStatus, texts: Texts) -> DatabaseView:
    return DatabaseView(
        ok=database.ok,
        engine=database.engine,
        detail=database.detail.said(texts),
        warnings=[sentence.said(texts) for sentence in database.warnings],
        durability=database.durability.said(texts),
        standby=database.standby,
    )


def _source(source: SourceHealth, now: datetime, texts: Texts) -> SourceView:
    return SourceView(
        name=source.name,
        ok=source.ok,
        state=source.state,
        detail=source.detail.said(texts),
        last_event_at=source.last_event_at,
        last_event_age_seconds=age_seconds(source.last_event_at, now),
    )


def _backlog(backlog: Backlog, now: datetime) -> dict[str, Any]:
    return {
        "count": backlog.count,
        "oldest_at": backlog.oldest_at,
        "oldest_age_seconds": age_seconds(backlog.oldest_at, now),
    }


def problems_of(status: Status, now: datetime) -> list[Sentence]:
    """Each degradation, and what to do."""
    # the database's warnings stand by themselves: a state that never changes must not hide one that does
    found = []
    if not status.database.ok:
        found.append(status.database.detail or Sentence("The database can't be reached."))
    for source in status.sources:
        if not source.ok:
            words = {"source": source.name, "words": source.detail or state_name(source.state)}
            found.append(Sentence("%(source)s: %(words)s", words))
    if status.spool.count:
        found.append(
            counted(
                "%(num)s item waits in the spool for the database, safe on the disk; it goes in by itself when the "
                "database takes it. Look at the database.",
                "%(num)s items wait in the spool for the database, safe on the disk; they go in by themselves when the "
                "database takes them. Look at the database.",
                status.spool.count,
            )
        )
    if status.journal.oldest_at is not None and now - status.journal.oldest_at > LATE:
        found.append(_unread(status.journal.count, now - status.journal.oldest_at))
    found += _for_people(status)
    return found


def _unread(count: int, age: timedelta) -> Sentence:
    return counted(
        "%(num)s item is stored and not yet a lead, for %(minutes)s min: the machine is busy, or the log says why "
        "(action process_failed).",
        "%(num)s items are stored and not yet leads, the oldest for %(minutes)s min: the machine is busy, or the log "
        "says why (action process_failed).",
        count,
        minutes=int(age.total_seconds() // 60),
    )


def _for_people(status: Status) -> list[Sentence]:
    """What a person must decide."""
    found = []
    if status.journal_aside:
        found.append(
            counted(
                "%(num)s item was set aside: it could not be understood. What came is kept; the log says why (action "
                "set_aside).",
                "%(num)s items were set aside: they could not be understood. What came is kept; the log says why "
                "(action set_aside).",
                status.journal_aside,
            )
        )
    if status.outbox_held:
        found.append(
            counted(
                "%(num)s delivery is held: 'leadgate outbox list' says why.",
                "%(num)s deliveries are held: 'leadgate outbox list' says why.",
                status.outbox_held,
            )
        )
    if status.outbox_dead:
        found.append(
            counted(
                "%(num)s delivery was given up: 'leadgate outbox list' says why.",
                "%(num)s deliveries were given up: 'leadgate outbox list' says why.",
                status.outbox_dead,
            )
        )
    if status.recordings_owed:  # only how many: their names hold numbers, and this is told to everybody
        found.append(
            counted(
                "%(num)s recording that is to be removed is still there: 'leadgate recordings list' says which and "
                "why.",
                "%(num)s recordings that are to be removed are still there: 'leadgate recordings list' says which and "
                "why.",
                status.recordings_owed,
            )
        )
    return found
