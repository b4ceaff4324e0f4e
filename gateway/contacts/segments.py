"""Segments: filters of contacts that people keep under a name, for themselves or for all."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.errors import Conflict, NotFound, NotPossible
from gateway.storage.tables import Segment

MAX_NAME = 80
MAX_WORDS = 200
MOST = 200
"""Segments of one person: more is a program that has gone wild."""


class ContactFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which contacts; an empty value is no filter."""

    q: str = ""
    """Words of a name, company, number or address."""
    manager: str = ""
    """The owner: id or login; ``mine``: whoever looks; ``none``: nobody."""
    channel: Literal["", "call", "mail", "form"] = ""
    """They came by it at least once."""
    lead: Literal["", "open", "won", "lost", "none"] = ""
    """They have a lead of this status; ``none``: they have no lead at all."""
    period: Literal["", "today", "yesterday", "7d", "30d", "month", "last_month"] = ""
    """They are known since; counted from the day on which one looks."""
    quiet: Literal["", "30", "90", "180", "365"] = ""
    """Nothing came from or went to them for so many days."""

    def __post_init__(self) -> None:
        for text in (self.q, self.manager):
            if len(text) > MAX_WORDS or "\x00" in text:
                raise ValueError(f"a filter has more than {MAX_WORDS} characters, or a NUL")

    def values(self) -> dict[str, str]:
        """The filters that are set, as in an address."""
        found: dict[str, str] = msgspec.to_builtins(self)
        return found


class NewSegment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter to be kept."""

    name: str
    filters: ContactFilter
    shared: bool = False
    """For everybody; otherwise only for whoever makes it."""


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A kept filter."""

    id: str
    name: str
    shared: bool
    owner: str | None
    """Id of the manager who made it."""
    filters: ContactFilter


def add_segment(connection: Connection, new: NewSegment, by: By) -> SegmentView:
    """Keep a filter. Raises NotPossible; Conflict where whoever asks sees one of this name already."""
    name = " ".join(new.name.split())
    if not name or len(name) > MAX_NAME:
        raise NotPossible("A segment has a name of at most %(most)s characters.", most=MAX_NAME)
    if not new.filters.values():
        raise NotPossible("Choose a filter first: a segment of everybody is the list itself.")
    if any(segment.name == name for segment in segments(connection, by.manager_id)):
        raise Conflict(
            "There is a segment %(name)r already: give this one another name, or remove that one.", name=name
        )
    own = select(func.count()).select_from(Segment).where(_of(by.manager_id))
    if connection.execute(own).scalar_one() >= MOST:
        raise NotPossible("You have %(most)s segments: remove some first.", most=MOST)
    segment_id = by.new_id()
    shared = new.shared or by.manager_id is None  # what a program makes for itself nobody would ever see
    row = {
        "id": segment_id,
        "name": name,
        "owner_id": by.manager_id,
        "shared": shared,
        "filters": new.filters.values(),
        "created_at": by.at,
    }
    connection.execute(insert(Segment), row)
    _write_down(connection, "segment.added", segment_id, {"name": name, "shared": shared}, by)
    return SegmentView(id=segment_id, name=name, shared=shared, owner=by.manager_id, filters=new.filters)


def remove_segment(connection: Connection, segment_id: str, by: By, *, of_others: bool) -> None:
    """Remove one's own segment; with ``of_others`` anybody's that is shared. Raises NotFound."""
    found = next((one for one in segments(connection, by.manager_id) if one.id == segment_id), None)
    if found is None or (found.owner != by.manager_id and not of_others):
        raise NotFound("There is no segment of yours with this id.")
    connection.execute(delete(Segment).where(Segment.id == segment_id))
    _write_down(connection, "segment.removed", segment_id, {"name": found.name}, by)


def segments(connection: Connection, manager_id: str | None) -> list[SegmentView]:
    """Those that everybody has and the manager's own, by name. Filters that are no longer known are left out."""
    query = select(Segment).where(or_(Segment.shared, _of(manager_id))).order_by(Segment.name, Segment.id)
    found = [_view_of(row) for row in connection.execute(query)]
    return [segment for segment in found if segment is not None]


def _of(manager_id: str | None) -> ColumnElement[bool]:
    return Segment.owner_id.is_(None) if manager_id is None else Segment.owner_id == manager_id


def _view_of(row: Row[Any]) -> SegmentView | None:
    try:
        filters = msgspec.convert(row.filters, ContactFilter)
    except msgspec.ValidationError:  # written by a newer version
        return None
    return SegmentView(id=row.id, name=row.name, shared=row.shared, owner=row.owner_id, filters=filters)


def _write_down(connection: Connection, action: str, segment_id: str, detail: dict[str, Any], by: By) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="segment", object_id=segment_id, detail=detail)
    record(connection, deed, by.at)
