"""CSV logs on a real disk: growing, cut in the middle of a line, rotated, in other encodings and orders."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.telephony.history.columns import CEL_NAMES, LogKind
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.history.page import PAGE_ROWS, LogUnreadable
from gateway.telephony.history.rows import CelRow
from gateway.telephony.history.sources import kind_of_file
from gateway.telephony.record import CallRecord
from gateway.telephony.tracker.names import spoken_name
from tests.unit.telephony.history.logs import FAR, RECORDED, START, calls_of, read, reading

CEL = (RECORDED / "cel.csv").read_bytes()
CDR = (RECORDED / "cdr.csv").read_bytes()
LINES = CEL.splitlines(keepends=True)


def log_of(path: Path, kind: LogKind = "cel", **more: Any) -> LogFile:
    return LogFile(path, kind, UTC, **more)


def as_told(records: list[CallRecord]) -> dict[str, Any]:
    return {record.linkedid: (record.as_json(), dict(record.facts)) for record in records}


WHOLE = {"cel": as_told(calls_of(RECORDED / "cel.csv", "cel")), "cdr": as_told(calls_of(RECORDED / "cdr.csv", "cdr"))}


class Follower:
    """Reads a growing file again and again, each time with a new reading from the stored cursor."""

    def __init__(self, path: Path, kind: LogKind = "cel") -> None:
        self.log = log_of(path, kind)
        self.cursor: Any = None
        self.quiet: dict[str, int] = {}
        self.records: list[CallRecord] = []
        self.refused = 0
        self.notes: list[str] = []

    def look(self, *, end: bool = False) -> None:
        reader = reading(self.log, self.cursor, quiet=self.quiet)
        told = read(reader)
        self.records += told.records
        self.refused += len(told.refused)
        self.notes += told.notes
        if end:
            self.records += reader.end(FAR)
        self.cursor, self.quiet = reader.cursor(), {}


@pytest.mark.parametrize("kind", ["cel", "cdr"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.floats(0, 1), max_size=8))
def test_any_cut_of_a_file_into_appended_pieces_gives_the_same_calls(
    tmp_path: Path, kind: LogKind, cuts: list[float]
) -> None:
    data = {"cel": CEL, "cdr": CDR}[kind]
    path = tmp_path / "Master.csv"
    path.write_bytes(b"")
    follower = Follower(path, kind)
    begun = 0
    for cut in sorted(int(share * len(data)) for share in cuts):
        with path.open("ab") as file:
            file.write(data[begun:cut])
        begun = cut
        follower.look()
    with path.open("ab") as file:
        file.write(data[begun:])
    follower.look(end=True)
    assert as_told(follower.records) == WHOLE[kind]
    assert len(follower.records) == len(WHOLE[kind]), "no call is told twice"
    assert follower.refused == 0


def rename(path: Path) -> None:
    path.rename(path.with_name("Master.csv.1"))


def copy_and_empty(path: Path) -> None:
    path.with_name("Master.csv.1").write_bytes(path.read_bytes())
    with path.open("r+b") as file:
        file.truncate()


def rename_twice(path: Path) -> None:
    path.rename(path.with_name("Master.csv.2"))
    path.with_name("Master.csv.1").write_bytes(b"".join(LINES[250:300]))
    os.utime(path.with_name("Master.csv.2"), (START, START))


@pytest.mark.parametrize(("rotate", "rest"), [(rename, LINES[250:]), (rename_twice, LINES[300:])])
def test_rotated_file_is_read_to_its_end_before_the_new_one(
    tmp_path: Path, rotate: Callable[[Path], None], rest: list[bytes]
) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(b"".join(LINES[:200]))
    follower = Follower(path)
    follower.look()
    with path.open("ab") as file:
        file.write(b"".join(LINES[200:250]))
    rotate(path)
    path.write_bytes(b"".join(rest))
    follower.look(end=True)
    assert as_told(follower.records) == WHOLE["cel"]
    assert follower.notes == []


def test_file_that_was_emptied_is_read_from_its_beginning_and_the_gap_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(CEL)
    follower = Follower(path)
    follower.look(end=True)
    copy_and_empty(path)
    later = CEL.replace(b"17953198", b"17953298")
    path.write_bytes(later)  # longer than the old place: only the head tells that it is another log
    follower.look(end=True)
    assert len(follower.records) == 2 * len(WHOLE["cel"])
    assert follower.notes == [f"{path} was replaced and its predecessor is not beside it: rows may be missing"]


def test_packed_predecessor_is_not_read_and_the_gap_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(b"".join(LINES[:200]))
    follower = Follower(path)
    follower.look()
    path.with_name("Master.csv.1.gz").write_bytes(gzip.compress(CEL))
    path.unlink()
    path.write_bytes(CEL.replace(b"17953198", b"17953298"))
    follower.look(end=True)
    assert len(follower.notes) == 1


def test_half_a_line_at_the_end_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(CEL[:-7])
    told = read(reading(log_of(path)))
    assert told.refused == []


def test_row_that_a_crash_left_half_is_told_and_the_row_behind_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    half = LINES[0][:60]
    path.write_bytes(half + CEL)  # the PBX goes on in the same line after its restart
    follower = Follower(path)
    follower.look(end=True)
    assert follower.refused == 1
    assert as_told(follower.records) == WHOLE["cel"]


def test_lost_quotation_mark_costs_one_row_only(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(LINES[0] + b'"HANGUP","17953\n' + b"".join(LINES[1:]))
    follower = Follower(path)
    follower.look(end=True)
    assert follower.refused == 1
    assert as_told(follower.records) == WHOLE["cel"]


@pytest.mark.parametrize("garbage", [b"\n\n", b"nonsense\n", b"\x00\xff\xfe" * 50 + b"\n", b'"a","b"\n'])
def test_garbage_between_rows_is_told_and_passed(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(b"".join(LINES[:100]) + garbage + b"".join(LINES[100:]))
    assert as_told(calls_of(path, "cel")) == WHOLE["cel"]


def test_row_without_an_end_of_the_quotation_does_not_swallow_the_log(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(b"".join(LINES[:100]) + b'"' + b"x" * 80_000 + b"\n" + b"".join(LINES[100:]))
    assert as_told(calls_of(path, "cel")) == WHOLE["cel"]


def test_names_in_windows_1251_are_read_beside_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(CEL.decode().encode("cp1251"))
    assert as_told(calls_of(path, "cel")) == WHOLE["cel"]


def reordered(names: list[str], *, with_heading: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    if with_heading:
        writer.writerow(names)
    for values in csv.reader(io.StringIO(CEL.decode(), newline="")):
        row = dict(zip(CEL_NAMES, values, strict=True))
        writer.writerow([row.get(name, "") for name in names])
    return text.getvalue().encode()


ORDER = [
    "linkedid",
    "uniqueid",
    "channame",
    "eventtime",
    "eventtype",
    *sorted(set(CEL_NAMES[2:13]) | {"extra", "peer"}),
]
ORDER = list(dict.fromkeys(ORDER))


@pytest.mark.parametrize("with_heading", [True, False])
def test_columns_in_another_order_are_told_by_a_heading_or_the_config(tmp_path: Path, with_heading: bool) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(reordered(ORDER, with_heading=with_heading))
    columns: Any = () if with_heading else tuple(ORDER)
    assert as_told(calls_of(path, "cel", columns=columns)) == WHOLE["cel"]


def test_heading_is_known_when_the_reading_goes_on_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    data = reordered(ORDER, with_heading=True)
    path.write_bytes(data[: len(data) // 2])
    follower = Follower(path)
    follower.look()
    path.write_bytes(data)
    follower.look(end=True)
    assert as_told(follower.records) == WHOLE["cel"]


def test_columns_that_nobody_named_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(reordered(ORDER, with_heading=False))
    told = read(reading(log_of(path)))
    assert told.records == []
    assert "name them in `columns`" in str(told.refused[0].why)


def test_caller_name_with_line_breaks_quotes_and_ten_thousand_letters_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    odd = 'a\n"b"\r\n\u202e' + "я" * 10_000
    rows = list(csv.reader(io.StringIO(CEL.decode(), newline="")))
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [[*values[:2], odd if values[9].startswith("PJSIP/trunk-") else values[2], *values[3:]] for values in rows]
    )
    path.write_bytes(text.getvalue().encode())
    records = calls_of(path, "cel")
    assert len(records) == len(WHOLE["cel"])
    assert spoken_name(odd) in {record.caller_name for record in records}


def test_pages_bound_what_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(CEL * 20)
    pages = list(log_of(path).pages(None))
    assert sum(len(page.rows) for page in pages) == 20 * len(LINES)
    assert max(len(page.rows) for page in pages) == PAGE_ROWS


def test_first_reading_of_a_large_file_begins_near_the_day_wanted(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    days = [CEL.replace(b"17953", str(17953 + day).encode()) for day in range(-60, 1)]
    path.write_bytes(b"".join(days))
    since = 1_795_300_000.0
    rows = [row for page in log_of(path).pages(None, since) for row, _ in page.rows if isinstance(row, CelRow)]
    assert len([row for row in rows if row.at >= since]) == len(LINES)
    assert len(rows) < 3 * len(LINES)


def test_file_that_is_not_there_is_told_with_its_name(tmp_path: Path) -> None:
    for cursor in (None, {"place": {"file": 1, "head": [0, ""], "offset": 0}}):
        with pytest.raises(LogUnreadable, match=r"Master\.csv"):
            read(reading(log_of(tmp_path / "Master.csv"), cursor))


def test_kind_of_a_file_is_told_by_its_rows(tmp_path: Path) -> None:
    assert kind_of_file(RECORDED / "cel.csv") == "cel"
    assert kind_of_file(RECORDED / "cdr.csv") == "cdr"
    (tmp_path / "x").write_bytes(b"hello\n")
    with pytest.raises(LogUnreadable, match="holds neither"):
        kind_of_file(tmp_path / "x")
