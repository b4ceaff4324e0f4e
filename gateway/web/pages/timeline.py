"""One timeline out of everything that happened around a lead: the newest first, a heading for each day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import groupby
from typing import Any

from gateway.views.shapes import InteractionView
from gateway.web.queries.leadcard import LeadCard

GROUPS = {
    "talk": frozenset({"call", "mail", "form", "note", "letter", "asked"}),
    "work": frozenset(
        {"note", "stage", "owner", "task", "task_end", "document", "sent", "void", "callback", "merge", "asked"}
    ),
    "crm": frozenset({"delivery"}),
}
"""What a view of the timeline is narrowed to; without one of them everything is shown."""
OVER = frozenset({"done", "dropped"})
"""Deliveries that need nobody: arrived, or replaced by a newer one."""
STEPS = frozenset(
    {"opened", "claimed", "released", "assigned", "snoozed", "attempted", "noted", "closed", "reopened", "undone"}
)
"""The steps of callbacks that are told. Tries are calls by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    kind: str
    at: datetime
    item: Any
    """A view, as ``kind`` says."""
    around: Any = None
    """What ``item`` is a part of: the callback of a step, our own letter behind a letter of the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The entries of one day."""

    day: date
    noon: datetime
    """A moment of that day, for showing it."""
    entries: list[Entry]


def entries_of(card: LeadCard, group: str | None = None) -> list[Entry]:
    """All entries, the newest first; ``group``: one of GROUPS."""
    wanted = GROUPS.get(group or "")
    found = [*_talk(card), *_deeds(card), *_papers(card)]
    shown = found if wanted is None else [entry for entry in found if entry.kind in wanted]
    return sorted(shown, key=lambda entry: entry.at, reverse=True)


def by_day(entries: Sequence[Entry], zone: tzinfo, *, fold: bool = False) -> list[Day]:
    """The same under the days of a time zone. ``fold``: what went to CRMs between two other entries is one."""
    days = groupby(entries, key=lambda entry: entry.at.astimezone(zone).date())
    return [
        Day(
            day=day,
            noon=datetime(day.year, day.month, day.day, 12, tzinfo=zone),
            entries=folded(of_day) if fold else list(of_day),
        )
        for day, of_day in days
    ]


def folded(entries: Iterable[Entry]) -> list[Entry]:
    """Deliveries beside each other that are over, as one entry: a call has four, and nobody looks at them. What waits
    or was given up stands by itself."""
    shown: list[Entry] = []
    for over, run in groupby(entries, key=lambda entry: entry.kind == "delivery" and entry.item.status in OVER):
        together = list(run)
        if over and len(together) > 1:
            shown.append(Entry(kind="deliveries", at=together[0].at, item=together))
        else:
            shown += together
    return shown


def quoted(item: InteractionView) -> str | None:
    """What a letter has besides its new words: the letters below it, the signature. None where that is nothing."""
    whole = item.details.get("text")
    if item.channel != "mail" or not isinstance(whole, str):
        return None
    new, whole = item.text.strip(), whole.strip()
    rest = whole[len(new) :] if whole.startswith(new) else whole
    return rest.strip("\n") or None


def _talk(card: LeadCard) -> Iterator[Entry]:
    letters = {letter.id: letter for letter in card.letters}
    told = set()
    for item in card.interactions:
        ours = (item.details.get("outgoing") or {}).get("id") if item.channel == "mail" else None
        told.add(ours)
        yield Entry(kind=item.channel, at=item.occurred_at, item=item, around=letters.get(ours) if ours else None)
    for letter in card.letters:
        if letter.id not in told:
            yield Entry(kind="letter", at=letter.created_at, item=letter)
    for asked in card.asked:
        yield Entry(kind="asked", at=asked.at, item=asked)


def _deeds(card: LeadCard) -> Iterator[Entry]:
    for note in card.work.notes:
        yield Entry(kind="note", at=note.created_at, item=note)
    for move in card.work.stages:
        yield Entry(kind="stage", at=move.at, item=move)
    for hand_over in card.hand_overs:
        yield Entry(kind="owner", at=hand_over.at, item=hand_over)
    for task in card.work.tasks:
        yield Entry(kind="task", at=task.created_at, item=task)
        if task.ended_at is not None:
            yield Entry(kind="task_end", at=task.ended_at, item=task)
    for callback in card.callbacks:
        for step in reversed(callback.history):  # of one moment, the last one stands above
            if step.kind in STEPS:
                yield Entry(kind="callback", at=step.at, item=step, around=callback)
    for merge in card.merges:
        yield Entry(kind="merge", at=merge.at, item=merge)


def _papers(card: LeadCard) -> Iterator[Entry]:
    for document in card.work.documents:
        yield Entry(kind="document", at=document.created_at, item=document)
        if document.sent_at is not None:
            yield Entry(kind="sent", at=document.sent_at, item=document)
        if document.void_at is not None:
            yield Entry(kind="void", at=document.void_at, item=document)
    for delivery in card.deliveries:
        yield Entry(kind="delivery", at=delivery.updated_at, item=delivery)
