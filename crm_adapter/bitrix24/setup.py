"""What ``leadgate crm check`` finds out about a Bitrix24. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from crm_adapter.base import Misconfigured, Rejected
from crm_adapter.bitrix24.bodies import CONTACT, DEAL, FILLED, LEAD
from crm_adapter.bitrix24.fields import FieldNames, by_shown_name, must_be_filled
from crm_adapter.bitrix24.portal import Portal
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.said import Said

SIMPLE_MODE = 2
"""crm.settings.mode.get: without leads; a lead that is made there turns into a deal at once."""
USER_SCOPES = frozenset({"user", "user_basic", "user_brief"})
RECORDS = {CONTACT: Said("contacts"), LEAD: Said("leads"), DEAL: Said("deals")}


async def examine(portal: Portal, names: FieldNames, mapping: FieldMapping, target: int | None) -> list[Examined]:
    """Rights, the mode, telephony, fields. ``target``: what the configuration wants to be made, None: what fits."""
    scopes = {str(one) for one in await portal.call("scope")}
    found = [_right(scopes, "crm"), _right(scopes | ({"user"} if scopes & USER_SCOPES else set()), "user")]
    if "crm" not in scopes:
        return found
    simple = await portal.call("crm.settings.mode.get") == SIMPLE_MODE
    lead_type = target or (DEAL if simple else LEAD)
    found.append(_mode(lead_type, simple=simple))
    found += await _telephony(portal, scopes)
    for kind, type_id in (("contact", CONTACT), ("lead", lead_type)):
        readable = await _readable(portal, type_id)
        found.append(readable)
        if readable.ok:
            found += await _fields(names, mapping.names(kind), kind, type_id)
    return found


def _right(scopes: set[str], scope: str) -> Examined:
    subject = Said("right %(name)s", name=scope)
    if scope in scopes:
        return Examined(subject=subject, said=Said("is given."))
    remedy = Said("Tick %(name)s in the rights of the webhook or application.", name=scope)
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)


def _mode(lead_type: int, *, simple: bool) -> Examined:
    subject = Said("mode")
    if lead_type == LEAD and simple:
        said = Said("leads are made, and turn into deals at once, since this CRM works without leads.")
    elif lead_type == LEAD:
        said = Said("leads are made.")
    elif simple:
        said = Said("leads are made as deals, since this CRM works without leads.")
    else:
        said = Said("leads are made as deals, as the configuration says.")
    return Examined(subject=subject, said=said)


async def _telephony(portal: Portal, scopes: set[str]) -> list[Examined]:
    if not portal.is_app:
        said = Said("calls become activities; the telephony card and statistics need a local application.")
        return [Examined(subject=Said("telephony"), said=said)]
    right = _right(scopes, "telephony")
    return [right, await _statistics(portal)] if right.ok else [right]


async def _statistics(portal: Portal) -> Examined:
    """Calls are looked for there after an answer was lost."""
    subject = Said("statistics of calls")
    try:
        await portal.call("voximplant.statistic.get", {"FILTER": {"EXTERNAL_CALL_ID": "leadgate"}})
    except (Misconfigured, Rejected):
        remedy = Said(
            "In Telephony → Access permissions let the user who installed the application see the call statistics: "
            "calls are looked for there after an answer was lost."
        )
        return Examined(subject=subject, said=Said("can't be read."), ok=False, remedy=remedy)
    return Examined(subject=subject, said=Said("can be read."))


async def _readable(portal: Portal, type_id: int) -> Examined:
    subject = RECORDS[type_id]
    try:
        await portal.call("crm.item.list", {"entityTypeId": type_id, "select": ["id"], "filter": {"id": 0}})
    except (Misconfigured, Rejected) as error:  # whose text has the way out
        return Examined(subject=subject, said=Said("can't be read: %(words)s.", words=error.args[0]), ok=False)
    return Examined(subject=subject, said=Said("can be read."))


async def _fields(names: FieldNames, wanted: Sequence[str], kind: str, type_id: int) -> list[Examined]:
    """Bitrix24 passes over a field that it does not know, so they are compared here; and it makes no record without
    the ones that must be filled."""
    known = await names.known(type_id)
    shown = by_shown_name(known)
    found = [_field(name, name in known or name in shown, kind, type_id) for name in wanted]
    ours = {*FILLED[kind], *(shown.get(name, name) for name in wanted)}
    return found + [
        _unfilled(name, str(known[name].get("title") or name), kind) for name in must_be_filled(known, ours)
    ]


def _field(name: str, there: bool, kind: str, type_id: int) -> Examined:
    subject = Said("field %(name)s", name=name)
    if there:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said(
        "Look at the names with crm.item.fields, entityTypeId %(number)s: ufCrm_... as they stand there.",
        number=type_id,
    )
    return Examined(subject=subject, said=Said("is no field of a %(kind)s.", kind=kind), ok=False, remedy=remedy)


def _unfilled(name: str, title: str, kind: str) -> Examined:
    remedy = Said(
        'Give it a value with fields.%(kind)s.%(name)s = "..." in the configuration, or make it optional in Bitrix24.',
        kind=kind,
        name=name,
    )
    said = Said("%(title)s must be filled in Bitrix24, and is not by us.", title=title)
    return Examined(subject=Said("field %(name)s", name=name), said=said, ok=False, remedy=remedy)
