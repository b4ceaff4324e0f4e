"""What ``leadgate crm check`` finds out about one CRM: rights, fields, users, and a lead as it would be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from crm_adapter.base import Capable, Checks, CrmAdapter, CrmError, Idempotency, Throttled, Unavailable
from crm_adapter.people import Matches
from crm_adapter.recordadapter import RecordAdapter
from crm_adapter.recordcrm import Examined, Examines, ListsUsers, Previews, Where
from crm_adapter.records import Kind, lead_of
from gateway.core.findings import Finding, Level
from gateway.core.sentences import NOTHING, Sentence, ended, joined
from gateway.delivery.crmwords import crm_trouble, crm_words
from gateway.delivery.settings import CrmSettings
from gateway.delivery.surroundings import Surroundings
from gateway.storage.tables import Outbox

SECONDS = 60.0
USERS = "crm.users"
_ABLE = {
    "contacts": Sentence("contacts"),
    "leads": Sentence("leads"),
    "calls": Sentence("calls"),
    "mail": Sentence("mail"),
    "users": Sentence("users"),
    "owners": Sentence("owners"),
}
"""Capability -> how it is called."""
_RECORDINGS = {
    "upload": Sentence("recordings by upload"),
    "link": Sentence("recordings by link"),
}
_WAYS = {
    "by hand": Sentence("by hand"),
    "mail": Sentence("by mail"),
    "extension": Sentence("by extension"),
}
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
        said = Sentence("did not answer within %(seconds)s s.", {"seconds": f"{SECONDS:.0f}"})
        finding = _failed(crm, said, Sentence("look whether the CRM is up."))
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
        return [_found(crm, Level.OK, Sentence("is told of every event as it is."))]
    can = adapter.capabilities
    able = [sentence for word, sentence in _ABLE.items() if getattr(can, word)]
    if can.recordings:
        able.append(_RECORDINGS[can.recordings])
    if can.cards:
        able.append(Sentence("a card while the phone rings"))
    found = [_found(crm, Level.OK, Sentence("takes %(able)s.", {"able": joined(able, ", ")}))]
    if can.idempotency is Idempotency.NONE:
        said = Sentence(
            "can't be searched for what an answer was lost to: after a cut connection there may be two of a thing."
        )
        found.append(_found(crm, Level.NOTE, said))
    return found


async def _examine(crm: CrmSettings, adapter: CrmAdapter) -> list[Finding]:
    try:
        if not isinstance(adapter, RecordAdapter):
            said = (
                ended(crm_words(await adapter.check()))
                if isinstance(adapter, Checks)
                else Sentence("can't be tried without sending something.")
            )
            return [_found(crm, Level.OK, said)]
        found = []
        if isinstance(adapter.crm, Examines):
            found = [_finding(crm, one) for one in await adapter.crm.examine()]
        return found + await _people(crm, adapter)
    except CrmError as error:
        return [_failed(crm, ended(crm_trouble(error)), _way_out(error))]


def _way_out(error: CrmError) -> Sentence:
    if isinstance(error, Throttled):
        return Sentence("wait a little, and check again; nothing that waits is lost.")
    if isinstance(error, Unavailable):
        return Sentence("look whether the CRM is up, and whether this machine reaches it; nothing that waits is lost.")
    return Sentence("as the sentence says; nothing that waits is lost.")


def _finding(crm: CrmSettings, one: Examined) -> Finding:
    remedy = crm_words(one.remedy) or (NOTHING if one.ok else Sentence("as the sentence says."))
    subject = Sentence("crm %(name)s: %(check)s", {"name": crm.name, "check": crm_words(one.subject)})
    return Finding(
        code="crm.setup",
        level=Level.OK if one.ok else Level.FAIL,
        subject=subject,
        said=crm_words(one.said),
        remedy=remedy,
    )


async def _people(crm: CrmSettings, adapter: RecordAdapter) -> list[Finding]:
    """Which of our managers the CRM knows, and how."""
    subject = Sentence("crm %(name)s: users", {"name": crm.name})
    if not isinstance(adapter.crm, ListsUsers):
        said = Sentence("the users can't be listed: name them in [crm.users].")
        return [Finding(code=USERS, level=Level.NOTE, subject=subject, said=said)]
    matches = await adapter.directory.matches(fresh=True)
    found = [_matched(crm, adapter, matches, manager.id, manager.login) for manager in adapter.directory.managers]
    for user in matches.unknown:
        remedy = Sentence("look at [[crm]] %(name)s, users.", {"name": crm.name})
        said = Sentence("user %(user)s is named in the configuration and is not known there.", {"user": user})
        found.append(Finding(code=USERS, level=Level.FAIL, subject=subject, said=said, remedy=remedy))
    return found


def _matched(crm: CrmSettings, adapter: RecordAdapter, matches: Matches, manager: str, login: str) -> Finding:
    subject = Sentence("crm %(name)s: manager %(login)s", {"name": crm.name, "login": login})
    if user := matches.user_of.get(manager):
        values = {
            "name": user.name or Sentence("a user"),
            "user": user.id,
            "how": _WAYS.get(matches.how[manager], matches.how[manager]),
        }
        said = Sentence("is %(name)s there (user %(user)s, matched %(how)s).", values)
        return Finding(code="crm.manager", level=Level.OK, subject=subject, said=said)
    default = adapter.options.default_user
    said = (
        Sentence("is not known there: what is his goes to user %(user)s.", {"user": default})
        if default
        else Sentence("is not known there: what is his goes to whom the CRM takes.")
    )
    remedy = Sentence(
        'the same mail or extension on both sides, or users = { %(login)s = "ID" } in [[crm]] %(name)s.',
        {"login": login, "name": crm.name},
    )
    return Finding(code="crm.manager", level=Level.WARN, subject=subject, said=said, remedy=remedy)


def _found(crm: CrmSettings, level: Level, said: Sentence, remedy: Sentence = NOTHING) -> Finding:
    subject = Sentence("crm %(name)s", {"name": crm.name})
    return Finding(code="crm", level=level, subject=subject, said=said, remedy=remedy)


def _failed(crm: CrmSettings, said: Sentence, remedy: Sentence) -> Finding:
    return _found(crm, Level.FAIL, said, remedy)
