"""How the gateway is: ``GET /health`` for probes and people, and the facts behind the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from aiohttp import web

from gateway.core.clock import Clock
from gateway.core.ports import SourceHealth

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
    detail: str = ""
    """A sentence when it is not ok."""
    warnings: tuple[str, ...] = ()
    """Promises that this database or setting can't keep, each with what to do."""
    durability: str = ""
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
    database: DatabaseStatus
    spool: BacklogView
    journal: JournalView
    outbox: OutboxView
    outgoing: OutgoingHealthView


def health_view(status: Status, now: datetime) -> HealthView:
    """``status`` as people and probes read it."""
    problems = _problems(status, now)
    word = "failing" if not status.database.ok else "degraded" if problems else "ok"
    return HealthView(
        status=word,
        problems=problems,
        sources=[_source(source, now) for source in status.sources],
        database=status.database,
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
    the forms and mails too.
    """
    encoder = msgspec.json.Encoder()

    async def answer(_request: web.Request) -> web.Response:
        view = health_view(await source.status(), clock.now())
        return web.Response(
            status=503 if view.status == "failing" else 200,
            body=encoder.encode(view),
            content_type="application/json",
        )

    return web.get(HEALTH_PATH, answer)


def age_seconds(moment: datetime | None, now: datetime) -> float | None:
    """Seconds since ``moment``, never below zero; None where there is none."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else None


def _source(source: SourceHealth, now: datetime) -> SourceView:
    return SourceView(
        name=source.name,
        ok=source.ok,
        state=source.state,
        detail=source.detail,
        last_event_at=source.last_event_at,
        last_event_age_seconds=age_seconds(source.last_event_at, now),
    )


def _backlog(backlog: Backlog, now: datetime) -> dict[str, Any]:
    return {
        "count": backlog.count,
        "oldest_at": backlog.oldest_at,
        "oldest_age_seconds": age_seconds(backlog.oldest_at, now),
    }


def _problems(status: Status, now: datetime) -> list[str]:
    # the database's warnings stand by themselves: a state that never changes must not hide one that does
    found = []
    if not status.database.ok:
        found.append(status.database.detail or "The database can't be reached.")
    found.extend(f"{s.name}: {s.detail or s.state}" for s in status.sources if not s.ok)
    if status.spool.count:
        found.append(
            f"{status.spool.count} items wait in the spool for the database, safe on the disk; they go in by "
            "themselves when it takes them. Look at the database."
        )
    if status.journal.oldest_at is not None and now - status.journal.oldest_at > LATE:
        minutes = int((now - status.journal.oldest_at).total_seconds() // 60)
        found.append(
            f"{status.journal.count} items are stored and not yet leads, the oldest for {minutes} minutes: the "
            "machine is busy, or the log says why (action process_failed)."
        )
    if status.journal_aside:
        found.append(
            f"{status.journal_aside} items were set aside: they could not be understood. What came is kept; the log "
            "says why (action set_aside)."
        )
    if status.outbox_held:
        found.append(f"{status.outbox_held} deliveries are held: 'leadgate outbox list' says why.")
    if status.outbox_dead:
        found.append(f"{status.outbox_dead} deliveries were given up: 'leadgate outbox list' says why.")
    return found
