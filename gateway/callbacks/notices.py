"""The words of reminders, in the language of who is told."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.callbacks.people import Person
from gateway.core.languages import texts_for
from gateway.core.phone import for_people
from gateway.outgoing.queue import Notice, Urgency
from gateway.views.callbacks import CallbackView


def reminder(view: CallbackView, person: Person, *, now: datetime, zone: ZoneInfo, language: str) -> Notice:
    """Tell ``person`` of one who waits. ``language``: where the person chose none."""
    texts = texts_for(person.language, language)
    who = _who(view) or texts.gettext("a caller who withheld the number")
    lines = [
        texts.ngettext("Tried to reach us %(num)s time.", "Tried to reach us %(num)s times.", view.tries)
        % {"num": view.tries},
        texts.gettext("Waits since %(moment)s.") % {"moment": _moment(view.waiting_since, zone)},
        texts.gettext("To be reached until %(moment)s.") % {"moment": _moment(view.due_at, zone)},
    ]
    holder = view.claimed_by or view.owner
    if holder is not None and holder.id != person.id:
        lines.append(texts.gettext("In the hands of %(name)s.") % {"name": holder.name})
    subject = texts.gettext("Overdue: call back %(who)s") if view.overdue else texts.gettext("Call back %(who)s")
    return Notice(
        to_manager=person.id,
        subject=subject % {"who": who},
        text="\n".join(lines),
        link=f"/callbacks?id={view.id}",
        urgency=_urgency(view, now),
    )


def _who(view: CallbackView) -> str:
    number = for_people(view.number) if view.number is not None else ""
    name = (view.contact.name or "") if view.contact is not None else ""
    mail = next(iter(view.contact.emails), "") if view.contact is not None else ""
    return f"{name} {number}".strip() or mail


def _urgency(view: CallbackView, now: datetime) -> Urgency:
    """An alarm once it took twice as long as it may."""
    if not view.overdue:
        return "info"
    allowed = view.due_at - view.waiting_since
    return "alarm" if now - view.due_at > allowed else "warning"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
