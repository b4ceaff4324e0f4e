"""What ``leadgate doctor`` calls the last calls (incoming, outgoing, internal), and why.

From the database; and of a PBX whose calls are not among those, as before the first start, from its own log: so whoever
sets it up sees whether the names of his lines and contexts fit before the first caller is called something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.errors import LeadgateError
from gateway.core.findings import Finding, Level
from gateway.core.sentences import Sentence
from gateway.core.types import Channel, Json
from gateway.storage.migrations import current, head
from gateway.storage.store import Store
from gateway.storage.tables import Interaction
from gateway.telephony.explain import why_direction
from gateway.telephony.history.latest import latest_calls
from gateway.telephony.history.page import LogUnreadable
from gateway.telephony.lines import LineRules
from gateway.telephony.settings import PbxSettings

LAST_CALLS = 20
CODE = "pbx.last_calls"
_DIRECTIONS = {
    "inbound": Sentence("inbound"),
    "outbound": Sentence("outbound"),
    "internal": Sentence("internal"),
}


async def last_calls(settings: Settings, clock: Clock) -> list[Finding]:
    """A finding for each call, the newest first."""
    stored = await _stored(settings)
    rules = {pbx.name: pbx.lines for pbx in settings.pbx}
    found = [call_finding(row.source_name, row.details, rules.get(row.source_name, LineRules())) for row in stored]
    known = {row.source_name for row in stored}
    for pbx in settings.pbx:
        if pbx.name not in known:
            found += await asyncio.to_thread(_logged, pbx, settings, clock)
    return found


def call_finding(pbx: str, details: Json, lines: LineRules, log: str = "") -> Finding:
    """What one call is called, and why. ``log``: which log told it, where it is not stored."""
    direction = details.get("direction")
    when = details.get("started_at") or details.get("linkedid") or Sentence("without a date")
    subject = Sentence("pbx %(name)s: call %(when)s", {"name": pbx, "when": when})
    values = {
        "direction": _DIRECTIONS.get(str(direction), Sentence("no direction")),
        "caller": details.get("caller") or Sentence("withheld"),
        "dialled": details.get("dialled") or Sentence("unknown"),
        "why": why_direction(details, lines),
        "log": log,
    }
    said = (
        Sentence("%(direction)s, %(caller)s -> %(dialled)s: %(why)s (from its %(log)s).", values)
        if log
        else Sentence("%(direction)s, %(caller)s -> %(dialled)s: %(why)s.", values)
    )
    if direction is None:
        remedy = Sentence("name the line in [[pbx]] trunks, or its context in trunk_contexts or internal_contexts.")
        return Finding(code=CODE, level=Level.WARN, subject=subject, said=said, remedy=remedy)
    return Finding(code=CODE, level=Level.OK, subject=subject, said=said)


async def _stored(settings: Settings) -> Sequence[Row[tuple[str, Json]]]:
    """The last calls of the database; none where it can't be read, which its own findings say."""
    url = settings.storage.resolved(str(settings.data / "leadgate.db"))
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").exists):
        return []
    store = Store.open(settings.storage, settings.data)
    try:
        await store.start()
        return await store.read(_newest)
    except LeadgateError:
        return []
    finally:
        await store.stop()


def _newest(connection: Connection) -> Sequence[Row[tuple[str, Json]]]:
    if current(connection) != head():
        return []
    query = (
        select(Interaction.source_name, Interaction.details)
        .where(Interaction.channel == Channel.CALL.value)
        .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
        .limit(LAST_CALLS)
    )
    return connection.execute(query).all()


def _logged(pbx: PbxSettings, settings: Settings, clock: Clock) -> list[Finding]:
    """The last calls of its log. Blocks."""
    where = settings.gateway
    try:
        latest = latest_calls(pbx, ZoneInfo(where.timezone), region=where.region, count=LAST_CALLS, clock=clock)
    except LogUnreadable:  # a url that is none: the examination of the logs says so
        return []
    if latest is None:
        return []
    if not latest.records:
        said = Sentence(
            "nothing is stored yet, and its logs hold no call of the last months: direction can't be shown."
        )
        remedy = Sentence("call in and out once, then ask again.")
        subject = Sentence("pbx %(name)s: last calls", {"name": pbx.name})
        return [Finding(code=CODE, level=Level.NOTE, subject=subject, said=said, remedy=remedy)]
    return [
        call_finding(pbx.name, {**record.as_json(), "facts": record.facts}, pbx.lines, latest.kind)
        for record in latest.records
    ]
