"""The recorded channel events as a busy machine may show them: read while they are written, a little out of order."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from gateway.telephony.history.rows import CelRow
from gateway.telephony.record import CallRecord
from tests.unit.telephony.history.logs import FAR, Rows, read, reading, recorded_cel

PREFIX_STEP = 23
"""Every so many rows the log is read; a prime, so that the cuts fall on rows of all kinds."""
FARTHEST = 10
"""Places by which a row may be late."""


def whole(rows: Sequence[CelRow]) -> dict[str, CallRecord]:
    reader = reading(Rows("cel", rows))
    return {record.linkedid: record for record in (*read(reader).records, *reader.end(FAR))}


LOGS = {"all kinds": recorded_cel(), "target gone ahead": recorded_cel("cel_target_gone_ahead.csv")}
EXPECTED = {name: whole(rows) for name, rows in LOGS.items()}
CUTS = [(name, cut) for name, rows in LOGS.items() for cut in range(0, len(rows), PREFIX_STEP)]


def test_all_calls_of_the_recordings_are_there() -> None:
    assert {name: len(calls) for name, calls in EXPECTED.items()} == {"all kinds": 25, "target gone ahead": 1}


@pytest.mark.parametrize(("name", "half_read"), CUTS)
def test_log_that_is_read_while_it_is_written_gives_each_call_once(name: str, half_read: int) -> None:
    reader = reading(Rows("cel", LOGS[name][:half_read]))
    told = read(reader).records
    for _ in range(2):
        reader = reading(Rows("cel", LOGS[name]), reader.cursor(), quiet=reader.signatures())
        told += read(reader).records
    assert {record.linkedid: record for record in told} == EXPECTED[name]
    assert len(told) == len(EXPECTED[name])


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("seed", range(8))
def test_rows_that_are_late_by_a_little_change_no_call(name: str, seed: int) -> None:
    rows, chance = LOGS[name], random.Random(seed)
    places = [index + chance.choice((0, 0, chance.uniform(0, FARTHEST))) for index in range(len(rows))]
    late = [row for _, row in sorted(zip(places, rows, strict=True), key=lambda pair: pair[0])]
    assert whole(late) == EXPECTED[name]


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("nth", range(7))
def test_rows_that_are_missing_lose_no_call(name: str, nth: int) -> None:
    rows = LOGS[name]
    beginnings = {row.uniqueid for row in rows if row.uniqueid == row.linkedid}
    kept = [
        row
        for index, row in enumerate(rows)
        if index % 7 != nth or (row.kind == "CHAN_START" and row.uniqueid in beginnings)
    ]
    found = {linkedid for record in whole(kept).values() for linkedid in record.facts["linkedids"]}
    assert set(EXPECTED[name]) <= found
