"""Sentences of the card that are made before the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.web.pages.formats import duration
from gateway.web.pages.leadparts import Stages
from gateway.web.queries.leadcard import LastChange

Typed = Callable[[str, str, str], str]
"""Form, field, what stands there otherwise -> what the field holds."""


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


FIELDS = {
    "stage": _("Stage"),
    "status": _("Status"),
    "manager_id": _("Owner"),
    "amount": _("Amount"),
    "contact_id": _("Contact"),
    "subject": _("Subject"),
    "reason": _("Reason"),
}
"""Columns of a lead that people change."""


def typed_again(form: str, fields: Mapping[str, str]) -> Typed:
    """What a form that was refused had in it; other forms hold what they always do."""

    def value(of: str, name: str, default: str = "") -> str:
        return fields.get(name, default) if of == form else default

    return value


def changed_by(change: LastChange | None, now: datetime, gettext: Callable[[str], str], stages: Stages) -> str:
    """Who changed what while somebody else was typing."""
    kept = gettext("What you typed is kept below: look at the lead, then send it again.")
    if change is None:
        nameless = gettext("Somebody changed this lead meanwhile.")
        return f"{nameless} {kept}"
    head = gettext("%(name)s changed this lead %(span)s ago") % {
        "name": change.actor.name,
        "span": duration((now - change.at).total_seconds(), gettext),
    }
    told = [_told(name, value, change, gettext, stages) for name, value in change.fields.items() if name in FIELDS]
    return f"{head}{': ' if told else ''}{', '.join(told)}. {kept}"


def _told(name: str, value: Any, change: LastChange, gettext: Callable[[str], str], stages: Stages) -> str:
    label = gettext(FIELDS[name])
    if name == "stage":
        return f"{label} — {stages(gettext).get(str(value), str(value))}"
    if name == "manager_id":
        person = change.managers.get(value)
        name = person.name if person else gettext("Nobody")
        return f"{label} — {name}"
    if name in {"subject", "reason"} and value:
        return f"{label} — {value}"
    return label
