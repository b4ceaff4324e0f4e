"""Our things as text for people, for CRMs that show calls, letters and forms as notes. Pure."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable

from crm_adapter.numbers import dialled, same, spellings, unknown
from crm_adapter.records import Call, Kind, Message, Person
from crm_adapter.words import say

MISSED = {
    "no_answer": "nobody picked up",
    "busy": "all phones were busy",
    "rejected": "the call was rejected",
    "unavailable": "no phone could be reached",
    "caller_hung_up": "the caller hung up",
    "queue_abandoned": "the caller left the queue",
    "queue_timeout": "the queue took too long",
    "ivr_abandoned": "the caller left the voice menu",
    "announcement": "the caller heard only an announcement",
    "voicemail": "the caller reached the voicemail",
    "failed": "the call failed",
}
"""Why a call was not answered, for people."""
SHORTEST = 500
"""Characters; no note is made shorter than that."""


def cut(text: str, most: int) -> str:
    """At most ``most`` characters, with a sign where something is missing. One above U+FFFF, as 🙂, counts as two, for
    so do CRMs that are written in Java or JavaScript."""
    if 2 * len(text) <= most:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * most:
        return text
    return units[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


def new_phones(person: Person, known: Iterable[str]) -> list[str]:
    """The person's numbers that are not among ``known``, however these were typed."""
    return unknown(person.phones, known)


def new_emails(person: Person, known: Iterable[str]) -> list[str]:
    """The person's mails that are not among ``known``."""
    there = {one.strip().lower() for one in known}
    return [one for one in person.emails if one.lower() not in there]


def has_handle(person: Person, phones: Iterable[str], emails: Iterable[str]) -> bool:
    """Whether a record with these numbers and mails really is the person's: searches find similar ones too."""
    mine = {one.lower() for one in person.emails}
    return any(same(phone, typed) for typed in phones for phone in person.phones) or bool(
        mine & {one.strip().lower() for one in emails}
    )


def phone_forms(phones: Iterable[str]) -> list[str]:
    """How people dial the numbers: +7926..., 7926..., 8926..., 926..."""
    return list(dict.fromkeys(form for phone in phones for form in dialled(phone)))


def phone_spellings(phones: Iterable[str]) -> list[str]:
    """How people may have typed the numbers: 8 (926) 123-45-67 and the other usual ways, and how they dial them."""
    return list(dict.fromkeys(form for phone in phones for form in spellings(phone)))


def call_subject(call: Call) -> str:
    """The heading of a call."""
    way = say(call.language, "Incoming call" if call.inbound else "Outgoing call")
    missed = "" if call.answered else f", {say(call.language, 'missed')}"
    return f"{way}: {call.number or say(call.language, 'withheld number')}{missed}"


def call_facts(call: Call) -> str:
    """What is known of a call, a line each."""
    facts = {
        "Line": call.line,
        "Queue": call.queue,
        "Extension": call.extension,
        "Not answered": why_missed(call),
        "Transfer": transfers_of(call),
        "After hours": say(call.language, "yes") if call.after_hours else None,
        "Waited": str(call.wait_seconds),
        "Talked": str(call.talk_seconds),
        "Recording": call.recording_url,
    }
    return "\n".join(f"{say(call.language, name)}: {value}" for name, value in facts.items() if value)


def why_missed(call: Call) -> str | None:
    """``nobody picked up``; a reason that is new here stays as it is. None for a call that was answered."""
    reason = call.missed_reason or call.outcome
    words = "the number was busy" if reason == "busy" and not call.inbound else MISSED.get(reason, reason)
    return None if call.answered else say(call.language, words)


def transfers_of(call: Call) -> str | None:
    """``101 → 102, 102 → 103 (no answer)``; None where there was none."""
    said = [
        f"{one.by or '?'} → {one.to or '?'}" + ("" if one.answered else f" ({say(call.language, 'no answer')})")
        for one in call.transfers
    ]
    return ", ".join(said) or None


def message_head(message: Message) -> str:
    """The first line of a letter or form."""
    kind = say(message.language, "Letter" if message.kind is Kind.MAIL else "Form")
    way = say(message.language, "received" if message.inbound else "sent")
    return f"{kind} {way} {message.at:%Y-%m-%d %H:%M %Z}"


def marker_line(marker: str) -> str:
    """The last line of a note: how it is found again."""
    return f"[leadgate {marker}]"


def note_of_call(call: Call, most: int) -> str:
    """A call as a note of at most ``most`` characters, with its marker."""
    return _note(f"{call_subject(call)}\n{call_facts(call)}", call.id, most)


def note_of_message(message: Message, most: int) -> str:
    """A letter or form as a note of at most ``most`` characters, with its marker."""
    return _note(f"{message_head(message)}\n{message.summary}", message.id, most)


def _note(text: str, marker: str, most: int) -> str:
    line = marker_line(marker)
    return f"{cut(text, most - len(line) - 1)}\n{line}"


def with_news(old: str, new: str) -> str:
    """``old``, as people may have changed it, and below it ``new``; ``old`` alone where it has that already."""
    return old if not new or new in old else f"{old}\n\n{new}" if old.strip() else new


def as_html(text: str) -> str:
    """Plain text as HTML that shows the same, whatever the text has in it."""
    return html.escape(text).replace("\n", "<br>")


def html_note(note: Callable[[int], str], most: int, most_html: int) -> str:
    """``note(most)`` as HTML of at most ``most_html`` bytes: markup makes a text longer, an ``&`` fivefold."""
    content = as_html(note(most))
    while len(content.encode("utf-8", "replace")) > most_html and most > SHORTEST:
        most //= 2
        content = as_html(note(most))
    return content
