"""What ``leadgate crm check`` finds out about one CRM: rights, fields, users, and a lead as it would be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from crm_adapter.base import Capable, Checks, CrmAdapter, CrmError, Idempotency
from crm_adapter.people import Matches
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.recordcrm import Examined, Examines, ListsUsers, Previews, Where
from crm_adapter.records import Kind, lead_of
from gateway.core.findings import Finding, Level
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import Surroundings
from gateway.storage.tables import Outbox

SECONDS = 60.0
EXAMPLE: Mapping[str, Any] = {
    "id": "00000000-0000-7000-8000-000000000000",
    "channel": "form",
    "status": "open",
    "stage": "new",
    "contact": {
        "id": "00000000-0000-7000-8000-000000000001",
        "name": "Maria Example",
        "phones": ["+74950000000"],
        "emails": ["maria@example.com"],
    },
    "manager": None,
    "source": {
        "name": "site",
        "page": "https://example.com/?utm_source=ads",
        "utm": {"source": "ads"},
        "click_ids": {},
    },
    "subject": "An example",
    "text": "Please call me back",
    "fields": {"Name": "Maria Example"},
    "created_at": "2026-01-01T09:00:00+00:00",
}
"""Shown where no lead was ever put out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The result for one CRM."""

    findings: list[Finding]
    dry_record: Mapping[str, Any] | None
    """The request that would make a lead; None for adapters that can't show it."""


async def check_crm(crm: CrmSettings, surroundings: Surroundings) -> Checked:
    """Ask the CRM. Makes nothing there."""
    adapter = crm.build(surroundings.context(crm))
    try:
        async with asyncio.timeout(SECONDS):
            findings = [*_abilities(crm, adapter), *await _examine(crm, adapter)]
        data = await surroundings.store.read(lambda connection: newest_lead(connection, crm.name))
        return Checked(findings=findings, dry_record=await dry_record(adapter, data or EXAMPLE, surroundings.language))
    except TimeoutError:
        finding = _failed(crm, f"did not answer within {SECONDS:.0f} s.", "look whether the CRM is up.")
        return Checked(findings=[finding], dry_record=None)
    finally:
        await adapter.close()


def newest_lead(connection: Connection, crm: str) -> Mapping[str, Any] | None:
    """The data of the newest ``lead.created`` that was put out for this CRM."""
    query = (
        select(Outbox.payload)
        .where(Outbox.crm == crm, Outbox.event_type == "lead.created")
        .order_by(Outbox.id.desc())
        .limit(1)
    )
    payload = connection.execute(query).scalar_one_or_none()
    return payload["data"] if payload else None


async def dry_record(adapter: CrmAdapter, data: Mapping[str, Any], language: str = "en") -> Mapping[str, Any] | None:
    """A lead as this adapter would send it."""
    if not isinstance(adapter, RecordAdapter):
        return {"type": "lead.created", "data": dict(data)}
    lead = lead_of(data, adapter.options.fields.render(Kind.LEAD.value, data), language=language)
    if not isinstance(adapter.crm, Previews):
        return {"title": lead.title, "text": lead.description, "mapped": dict(lead.extra)}
    try:
        owner = await adapter.directory.user_of(lead.manager_id)
    except CrmError:  # what is wrong with it is among the findings
        owner = None
    return dict(adapter.crm.preview(lead, Where(owner=owner)))


def _abilities(crm: CrmSettings, adapter: CrmAdapter) -> list[Finding]:
    if not isinstance(adapter, Capable):
        said = "is told of every event as it is."
        return [Finding(level=Level.OK, subject=f"crm {crm.name}", said=said)]
    can = adapter.capabilities
    able = [word for word in ("contacts", "leads", "calls", "mail", "users", "owners") if getattr(can, word)]
    if can.recordings:
        able.append(f"recordings by {can.recordings}")
    if can.cards:
        able.append("a card while the phone rings")
    found = [Finding(level=Level.OK, subject=f"crm {crm.name}", said=f"takes {', '.join(able)}.")]
    if can.idempotency is Idempotency.NONE:
        said = "can't be searched for what an answer was lost to: after a cut connection there may be two of a thing."
        found.append(Finding(level=Level.NOTE, subject=f"crm {crm.name}", said=said))
    return found


async def _examine(crm: CrmSettings, adapter: CrmAdapter) -> list[Finding]:
    try:
        if not isinstance(adapter, RecordAdapter):
            said = await adapter.check() if isinstance(adapter, Checks) else "can't be tried without sending something."
            return [Finding(level=Level.OK, subject=f"crm {crm.name}", said=f"{said}.".replace("..", "."))]
        found = []
        if isinstance(adapter.crm, Examines):
            found = [_finding(crm, one) for one in await adapter.crm.examine()]
        return found + await _people(crm, adapter)
    except CrmError as error:
        return [_failed(crm, f"{error}.".replace("..", "."), "as the sentence says; nothing that waits is lost.")]


def _finding(crm: CrmSettings, one: Examined) -> Finding:
    level = Level.OK if one.ok else Level.FAIL
    remedy = one.remedy or ("" if one.ok else "as the sentence says.")
    return Finding(level=level, subject=f"crm {crm.name}: {one.subject}", said=one.said, remedy=remedy)


async def _people(crm: CrmSettings, adapter: RecordAdapter) -> list[Finding]:
    """Which of our managers the CRM knows, and how."""
    if not isinstance(adapter.crm, ListsUsers):
        said = "the users can't be listed: name them in [crm.users]."
        return [Finding(level=Level.NOTE, subject=f"crm {crm.name}: users", said=said)]
    matches = await adapter.directory.matches(fresh=True)
    found = [_matched(crm, adapter, matches, manager.id, manager.login) for manager in adapter.directory.managers]
    for user in matches.unknown:
        remedy = f"look at [[crm]] {crm.name}, users."
        said = f"user {user} is named in the configuration and is not known there."
        found.append(Finding(level=Level.FAIL, subject=f"crm {crm.name}: users", said=said, remedy=remedy))
    return found


def _matched(crm: CrmSettings, adapter: RecordAdapter, matches: Matches, manager: str, login: str) -> Finding:
    subject = f"crm {crm.name}: manager {login}"
    if user := matches.user_of.get(manager):
        said = f"is {user.name or 'a user'} there (user {user.id}, matched {_by(matches.how[manager])})."
        return Finding(level=Level.OK, subject=subject, said=said)
    default = adapter.options.default_user
    said = f"is not known there: what is his goes to {f'user {default}' if default else 'whom the CRM takes'}."
    remedy = f'the same mail or extension on both sides, or users = {{ {login} = "ID" }} in [[crm]] {crm.name}.'
    return Finding(level=Level.WARN, subject=subject, said=said, remedy=remedy)


def _by(how: str) -> str:
    return how if how.startswith("by ") else f"by {how}"


def _failed(crm: CrmSettings, said: str, remedy: str) -> Finding:
    return Finding(level=Level.FAIL, subject=f"crm {crm.name}", said=said, remedy=remedy)
