"""Our things as values of Odoo's models. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.ids import number
from crm_adapter.numbers import dialled, ending
from crm_adapter.people import User
from crm_adapter.recordcrm import Where
from crm_adapter.records import Lead, Person
from crm_adapter.texts import as_html, cut, new_emails, new_phones

MODULE = "__leadgate__"
"""Of our external ids; never the name of a module that could be installed, because updates would clean that up."""
MOST_NAME, MOST_TEXT = 250, 20_000
"""Characters. Odoo itself has no limits; its form view gets slow above these."""
LONGEST_EXTENSION = 6
LEAST_DIGITS = 7
"""Of a number that is searched for whatever stands between its digits; shorter ones must be the whole."""
HANDLES = ("phone", "mobile", "email")


def external_id(kind: str, marker: str, life: int = 1) -> str:
    """``__leadgate__.lead_019f...``; with a number where people have archived the one before."""
    return f"{MODULE}.{kind}_{marker.replace('-', '_')}" + (f"_{life}" if life > 1 else "")


def message_id(marker: str) -> str:
    """Of a message that we write."""
    return f"<{marker}@leadgate>"


def lead_values(lead: Lead, where: Where, *, target: str, rich: bool) -> dict[str, Any]:
    """A new lead as columns of an import. ``rich``: its description is HTML (15 and later)."""
    page = [lead.origin.page] if lead.origin.page else []
    text = cut("\n".join([lead.description, *page]).strip(), MOST_TEXT)
    values: dict[str, Any] = {
        "name": line(lead.title) or "-",
        "type": target,
        "description": as_html(text) if rich else text,
    }
    if where.contact:  # phone and mail come from the partner; given here, they would replace what the partner has
        values["partner_id/.id"] = number(where.contact, "partner")
    if where.owner:
        values["user_id/.id"] = number(where.owner, "user")
    return values


def line(text: str) -> str:
    """A text as a name: on one line, and empty for one of blanks only."""
    return cut(" ".join(text.split()), MOST_NAME)


def typed(phone: str, field: str) -> list[Any]:
    """A condition for a number that somebody typed, whatever stands between its digits."""
    compared = ending(phone)
    if len(compared) < LEAST_DIGITS:
        return [field, "in", dialled(phone)]
    return [field, "=like", f"%{'%'.join(compared)}%"]


def added(person: Person, partner: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a partner that take what it lacks: phone, mobile (up to 18), mails as a list, a note."""
    phones, emails = handles_of(partner)
    missing = new_phones(person, phones)
    change: dict[str, Any] = {}
    for name in ("phone", "mobile"):
        if missing and name in types and not partner.get(name):
            change[name] = missing.pop(0)
    if more := new_emails(person, emails):
        change["email"] = ", ".join([*emails, *more])
    comment = str(partner.get("comment") or "")
    if also := [phone for phone in missing if phone not in comment]:
        change["comment"] = "<br>".join([*([comment] if comment else []), *also])
    return change


def handles_of(partner: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Numbers and mails of a partner; Odoo says False where there is none."""
    phones = [str(partner[name]) for name in ("phone", "mobile") if partner.get(name)]
    emails = [one.strip() for one in re.split("[,;]", str(partner.get("email") or "")) if one.strip()]
    return phones, emails


def plain(rich: str) -> str:
    """The words of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "\n", rich))


def words(text: str) -> str:
    """A text with single blanks, to compare it."""
    return " ".join(text.split())


def literal(text: str) -> str:
    """Without the meaning that signs have in LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def id_of(value: Any) -> str | None:
    """The id of a many2one: ``[7, "Anna"]``, or False."""
    return str(value[0]) if isinstance(value, list) and value else None


def user_of(one: Mapping[str, Any]) -> User:
    """A row of ``res.users``; a phone of a few digits is the extension."""
    phone = "".join(sign for sign in str(one.get("phone") or "") if sign.isdigit())
    return User(
        id=str(one["id"]),
        name=str(one.get("name") or ""),
        email=one.get("email") or (one["login"] if "@" in str(one.get("login")) else None),
        extensions=(phone,) if 0 < len(phone) <= LONGEST_EXTENSION else (),
        active=bool(one.get("active", True)),
    )
