"""Segments of contacts, for people and programs."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from gateway.contacts import segments as room
from gateway.storage.store import Store
from gateway.web.access import RIGHTS, Right, Role
from gateway.web.api.reads import ReadCall, ReadOperation
from gateway.web.api.writes import Who, WriteCall, WriteOperation


class SegmentList(msgspec.Struct, frozen=True, kw_only=True):
    """Those that everybody has and one's own, by name."""

    items: list[room.SegmentView]


def segment_writes() -> tuple[WriteOperation, ...]:
    """The operations, for ``WebServer(writes=...)``."""
    return (
        WriteOperation(
            method="POST",
            path="/api/v1/segments",
            name="addSegment",
            summary="Keep a filter of contacts under a name, for oneself or for everybody. 409 where the name is used.",
            body=room.NewSegment,
            answer=room.SegmentView,
            status=201,
            unit=lambda connection, call: room.add_segment(connection, call.body, call.who),
        ),
        WriteOperation(
            method="DELETE",
            path="/api/v1/segments/{id}",
            name="removeSegment",
            summary="Remove a segment of one's own; a chief removes anybody's that is shared.",
            unit=_remove,
        ),
    )


def segment_reads(store: Store) -> tuple[ReadOperation, ...]:
    """The operations, for ``WebServer(reads=...)``."""

    async def read(call: ReadCall) -> SegmentList:
        return SegmentList(items=await store.read(lambda c: room.segments(c, call.who.manager_id)))

    return (
        ReadOperation(
            path="/api/v1/segments",
            name="listSegments",
            summary="The kept filters of contacts: shared ones and one's own.",
            act=read,
            answer=SegmentList,
        ),
    )


def _remove(connection: Connection, call: WriteCall) -> None:
    room.remove_segment(connection, call.ids["id"], call.who, of_others=may_remove_others(call.who))


def may_remove_others(who: Who) -> bool:
    """Whether a person or program removes what others share."""
    return who.role is None or (who.role in set(Role) and Right.LEAD in RIGHTS[Role(who.role)])
