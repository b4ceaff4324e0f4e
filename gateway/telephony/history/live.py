"""What the connection to the PBX has told by itself, so that its logs need not tell it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.telephony.record import CallRecord

REMEMBERED = 50_000
"""Ended calls: a week of a busy PBX. What is forgotten is told twice and stored once."""


class LiveCalls:
    """Filled by the connector, asked by the backfill; both on the event loop."""

    def __init__(self) -> None:
        self._whole: dict[str, bool] = {}
        """Linkedid of a call that was followed from its beginning to its end -> whether its recording is known."""
        self._open: Callable[[], Iterable[CallRecord]] | None = None

    def connected(self, open_calls: Callable[[], Iterable[CallRecord]]) -> None:
        """There is a connection, and the calls that are open on the PBX are known."""
        self._open = open_calls

    def lost(self) -> None:
        """The connection is gone: what is open on the PBX now nobody knows."""
        self._open = None

    def told(self, record: CallRecord) -> None:
        """This record was reported."""
        if not record.ended or record.gap or record.merged_into:
            return
        for linkedid in (record.linkedid, *record.facts.get("linkedids", ())):
            self._whole[linkedid] = record.recording is not None
        while len(self._whole) > REMEMBERED:
            del self._whole[next(iter(self._whole))]

    def has(self, record: CallRecord) -> bool:
        """Whether a record from a log says nothing that was not told."""
        recording_known = self._whole.get(record.linkedid)
        return recording_known is not None and (recording_known or record.recording is None)

    def alive(self) -> frozenset[str] | None:
        """Linkedids of the calls on the PBX now; None while that is not known."""
        if self._open is None:
            return None
        records = list(self._open())
        return frozenset(
            linkedid for record in records for linkedid in (record.linkedid, *record.facts.get("linkedids", ()))
        )
