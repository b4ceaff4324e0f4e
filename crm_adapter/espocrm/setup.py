"""What ``leadgate crm check`` looks at in EspoCRM: rights and fields, without making anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.espocrm.api import EspoApi
from crm_adapter.mapping import FieldMapping
from crm_adapter.recordcrm import Examined
from crm_adapter.said import Said

RIGHTS = {"Contact": "create read edit", "Lead": "create read edit", "Call": "create read", "Email": "create read",
          "User": "read"}  # fmt: skip
"""Scope -> what a role of the API user must allow."""
MAPPED = {"contact": "Contact", "lead": "Lead", "call": "Call", "mail": "Email"}


async def examine(api: EspoApi, mapped: FieldMapping, *, marker: str, link: str) -> list[Examined]:
    """Raises CrmError where EspoCRM can't be asked at all."""
    me = await api.get("App/user") or {}
    name = " ".join(str((me.get("user") or {}).get("userName") or "somebody").split())
    found = [Examined(subject=Said("API user"), said=Said("%(user)s is let in.", user=name))]
    acl = me.get("acl")
    table = acl.get("table") if isinstance(acl, dict) else None
    found += [_right(table, scope, wanted.split()) for scope, wanted in RIGHTS.items()]
    fields = {scope: await _fields(api, scope) for scope in ("Contact", "Lead", "Call")}
    found += [_marker(fields[scope], scope, marker) for scope in fields]
    found.append(_link(fields["Lead"], link))
    for kind, scope in MAPPED.items():
        for one in mapped.names(kind):
            known = fields[scope] if scope in fields else await _fields(api, scope)
            found.append(_mapped(known, scope, one))
    return found


def _right(table: Any, scope: str, wanted: list[str]) -> Examined:
    given = table.get(scope) if isinstance(table, dict) else None
    allowed: Mapping[str, Any] = given if isinstance(given, dict) else {}
    missing = [] if given is True else [one for one in wanted if allowed.get(one, "no") in ("no", False, None)]
    subject = Said("right to %(scope)s", scope=scope)
    if not missing:
        return Examined(subject=subject, said=Said("is given."))
    remedy = Said("Allow it in a role of the API user (Administration, Roles).")
    return Examined(subject=subject, said=Said("lacks %(rights)s.", rights=", ".join(missing)), ok=False, remedy=remedy)


async def _fields(api: EspoApi, scope: str) -> Mapping[str, Any]:
    """The fields of a scope; before 8.2 EspoCRM gives all its metadata, whatever was asked for."""
    keys = ("entityDefs", scope, "fields")
    found = await api.get("Metadata", {"key": ".".join(keys)})
    for key in keys:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    return found if isinstance(found, dict) else {}


def _marker(fields: Mapping[str, Any], scope: str, name: str) -> Examined:
    subject = Said("field %(name)s of %(scope)s", name=name, scope=scope)
    if name in fields:
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said(
        "Make a field of the type Varchar named %(typed)s, which EspoCRM calls %(name)s then, in Administration, "
        "Entity Manager, %(scope)s, Fields.",
        typed=_typed(name),
        name=name,
        scope=scope,
    )
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)


def _link(fields: Mapping[str, Any], name: str) -> Examined:
    subject = Said("field %(name)s of %(scope)s", name=name, scope="Lead")
    kind = fields.get(name)
    if isinstance(kind, dict) and kind.get("type") == "link":
        return Examined(subject=subject, said=Said("is there."))
    remedy = Said(
        "Make a relationship Many-to-One from Lead to Contact named %(typed)s, which EspoCRM calls %(name)s then "
        "(Entity Manager, Lead, Relationships).",
        typed=_typed(name),
        name=name,
    )
    return Examined(subject=subject, said=Said("is missing."), ok=False, remedy=remedy)


def _typed(name: str) -> str:
    """What to type: EspoCRM puts ``c`` before the name of a field that people make."""
    return name[1].lower() + name[2:] if re.match("c[A-Z]", name) else name


def _mapped(fields: Mapping[str, Any], scope: str, name: str) -> Examined:
    """EspoCRM silently ignores a field that it does not know, so they are compared here."""
    subject = Said("field %(name)s", name=name)
    if name in fields or name.removesuffix("Id") in fields:
        return Examined(subject=subject, said=Said("is a field of %(model)s.", model=scope))
    remedy = Said("Look at the names in Administration, Entity Manager, %(scope)s, Fields.", scope=scope)
    return Examined(subject=subject, said=Said("is no field of %(model)s.", model=scope), ok=False, remedy=remedy)
