"""Derives the labels of stored calls anew, for when a rule changed: outcome and reason follow from the facts kept.

Only labels change; facts, times and leads stay. Works in batches, so memory does not grow with the table, and each
batch is one transaction: a run that is cut off is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from gateway.core.clock import Clock
from gateway.core.types import Channel, Json, Phase
from gateway.live.changes import ChangeKind, record
from gateway.storage.store import Store
from gateway.storage.tables import Interaction
from gateway.telephony.tracker.labels import Facts, Labels, label

BATCH = 500
"""Calls read, and written, at once: some megabytes of records."""
EXAMPLES = 10
"""Changes that are shown to people."""


class Relabelled(NamedTuple):
    """One call whose labels are others now."""

    id: str
    key: str
    before: Labels
    after: Labels


@dataclass(slots=True, kw_only=True)
class Recomputed:
    """What a run found, and did unless it was a dry one."""

    looked_at: int = 0
    changed: int = 0
    without_facts: int = 0
    """Calls that keep their labels because they say too little, or what this version can't read."""
    examples: list[Relabelled] = field(default_factory=list)
    """The first `EXAMPLES` changes."""


async def recompute_calls(
    store: Store,
    clock: Clock,
    *,
    since: datetime | None = None,
    dry_run: bool = False,
    batch: int = BATCH,
    progress: Callable[[Recomputed], None] = lambda _: None,
) -> Recomputed:
    """Look at all calls that began at ``since`` or later. Safe beside a running gateway. Raises StoreUnavailable."""
    done, after = Recomputed(), ""
    while True:
        rows = await store.read(partial(_page, after=after, since=since, limit=batch))
        if not rows:
            return done
        after = rows[-1].id
        done.looked_at += len(rows)
        done.without_facts += sum(1 for row in rows if _labels(row.details) is None)
        changes = _changes(rows)
        if changes and not dry_run:
            changes = await store.write(partial(_apply, ids=[change.id for change in changes], at=clock.now()))
        done.changed += len(changes)
        done.examples += changes[: EXAMPLES - len(done.examples)]
        progress(done)


def _page(connection: Connection, *, after: str, since: datetime | None, limit: int) -> Sequence[Row[Any]]:
    query = _calls().where(Interaction.id > after).order_by(Interaction.id).limit(limit)
    if since is not None:
        query = query.where(Interaction.occurred_at >= since)
    return connection.execute(query).all()


def _calls() -> Any:
    columns = (Interaction.id, Interaction.key, Interaction.phase, Interaction.details)
    return select(*columns).where(Interaction.channel == Channel.CALL.value)


def _apply(connection: Connection, *, ids: Sequence[str], at: datetime) -> list[Relabelled]:
    """Change these calls. Looks at them again: a running gateway may have stored a newer report meanwhile."""
    rows = connection.execute(_calls().where(Interaction.id.in_(ids)).order_by(Interaction.id).with_for_update()).all()
    changes = _changes(rows)
    stored = {row.id: row for row in rows}
    for change in changes:
        row, (outcome, reason) = stored[change.id], change.after
        details = {**row.details, "outcome": outcome, "missed_reason": reason}
        values: dict[str, Any] = {"details": details, "missed_reason": reason}
        if row.phase == Phase.ENDED.value:  # the column is for calls that are over
            values["outcome"] = outcome
        connection.execute(update(Interaction).where(Interaction.id == change.id).values(**values, updated_at=at))
        record(connection, ChangeKind.INTERACTION_UPDATED, change.id, at)
    return changes


def _changes(rows: Iterable[Row[Any]]) -> list[Relabelled]:
    found = []
    for row in rows:
        before = Labels(row.details.get("outcome"), row.details.get("missed_reason"))
        after = _labels(row.details)
        if after is not None and after != before:
            found.append(Relabelled(row.id, row.key, before, after))
    return found


def _labels(details: Mapping[str, Json]) -> Labels | None:
    """The labels that today's rules give; None where the facts are missing or of a shape that isn't ours."""
    try:
        return label(Facts.from_json(details["facts"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
