"""What the doctor says of each good and bad log, with the line to change."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.findings import Finding, Level
from gateway.telephony.history.columns import CDR_NAMES, CEL_NAMES
from gateway.telephony.history.doctor import examine_logs
from gateway.telephony.settings import LogSource, PbxSettings
from tests.unit.telephony.history.logs import RECORDED, recorded_cel

NEWEST = datetime.fromtimestamp(max(row.at for row in recorded_cel()), UTC)
CEL = (RECORDED / "cel.csv").read_text(encoding="utf-8")
CDR = (RECORDED / "cdr.csv").read_text(encoding="utf-8")


class Moment:
    """A clock that stands; each look at the monotonic one takes ``takes`` seconds."""

    def __init__(self, now: datetime, takes: float = 0.0) -> None:
        self._now = now
        self._passed = 0.0
        self._takes = takes

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        self._passed += self._takes
        return self._passed


Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    def ask(now: datetime = NEWEST, *, takes: float = 0.0, **logs: str | LogSource) -> list[Finding]:
        sources: dict[str, Any] = {}
        for kind, content in logs.items():
            if isinstance(content, LogSource) or content.startswith(("/", "sqlite:", "nosuch:")):
                sources[kind] = content
                continue
            file = tmp_path / f"{kind}.csv"
            file.write_bytes(content.encode("utf-8"))
            sources[kind] = str(file)
        settings = PbxSettings(name="office", host="192.0.2.1", username="u", secret="s", **sources)
        return examine_logs(settings, UTC, Moment(now, takes))

    return ask


def worse(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level in (Level.WARN, Level.FAIL)]


def only(findings: list[Finding]) -> Finding:
    (finding,) = worse(findings)
    return finding


def without(text: str, *kinds: str) -> str:
    """The events of a log but for these."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(tuple(f'"{k}"' for k in kinds))
    )


def test_logs_in_order_need_no_change(examine: Examine) -> None:
    found = examine(cel=CEL, cdr=CDR)
    assert worse(found) == []
    assert [str(finding.subject) for finding in found if finding.level is Level.OK] == [
        "pbx office: cel",
        "pbx office: cdr",
    ]
    assert "rows of the last day" in str(found[0].said)


def test_a_pbx_without_logs_loses_what_happens_while_leadgate_is_away(examine: Examine) -> None:
    finding = only(examine())
    assert "lost" in str(finding.said)
    assert "cel.conf" in str(finding.remedy)
    assert "events = ALL" in str(finding.remedy)


def test_with_cdr_alone_the_better_log_is_named(examine: Examine) -> None:
    found = examine(cdr=CDR)
    assert worse(found) == []
    (note,) = [finding for finding in found if finding.level is Level.NOTE]
    assert "crash of the PBX" in str(note.said)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/nowhere/Master.csv", "no such file"),
        ("sqlite:////nowhere/calls.db", "does not exist"),
        ("nosuch://reader@pbx/calls", "no such database"),
        (LogSource(url="nosuch://:::"), "no SQLAlchemy URL"),
    ],
)
def test_a_log_that_is_not_there_is_told_with_the_way_to_it(examine: Examine, source: str, words: str) -> None:
    finding = only(examine(cel=source))
    assert finding.level is Level.FAIL
    assert words in str(finding.said)
    assert "docs/history.md" in str(finding.remedy)


def test_a_log_of_long_ago_is_only_noted(examine: Examine) -> None:
    found = examine(NEWEST + timedelta(days=30), cel=CEL)
    assert worse(found) == []
    assert "nothing of the last day" in str(found[0].said)


def test_an_empty_file_is_only_noted(examine: Examine) -> None:
    assert [finding.level for finding in examine(cel=LogSource(file="/dev/null"))] == [Level.NOTE]


def test_rows_that_can_not_be_taken_are_counted_with_the_reason(examine: Examine) -> None:
    names = CEL_NAMES.index("linkedid")
    rows = [[*row[:names], "", *row[names + 1 :]] for row in csv.reader(io.StringIO(CEL))]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    finding = only(examine(cel=out.getvalue()))
    assert finding.level is Level.FAIL
    assert "has no linkedid" in str(finding.said)
    assert "cel_custom.conf" in str(finding.remedy)


def test_columns_that_are_not_the_usual_ones_are_told(examine: Examine) -> None:
    finding = only(examine(cel="1,2,3\n4,5,6\n"))
    assert "2 of 2 rows can't be taken" in str(finding.said)
    assert "columns of [[pbx]] cel" in str(finding.remedy)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (("BRIDGE_ENTER",), "BRIDGE_ENTER"),
        (("HANGUP", "LINKEDID_END"), "HANGUP, LINKEDID_END"),
        (("APP_START",), "menus, announcements"),
    ],
)
def test_events_that_are_switched_off_are_named(examine: Examine, missing: tuple[str, ...], words: str) -> None:
    finding = only(examine(cel=without(CEL, *missing)))
    assert words in str(finding.said)
    assert "events = ALL" in str(finding.remedy)


def test_times_of_another_zone_are_seen_as_the_future(examine: Examine) -> None:
    """A table whose ids tell no birth, read in the wrong zone: its clock is two hours off."""
    finding = only(examine(NEWEST - timedelta(hours=2), cdr=CDR))
    assert "120 minutes in the future" in str(finding.said)
    assert "timezone" in str(finding.remedy)


def test_records_without_linkedids_are_told(examine: Examine) -> None:
    names = CDR_NAMES[:18]  # without newcdrcolumns
    rows = [row[: len(names)] for row in csv.reader(io.StringIO(CDR))]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    finding = only(examine(cdr=out.getvalue()))
    assert "come out as two" in str(finding.said)
    assert "newcdrcolumns = yes" in str(finding.remedy)


def test_a_table_of_freepbx_is_read_and_its_missing_answer_noted(examine: Examine, tmp_path: Path) -> None:
    path = tmp_path / "asteriskcdrdb.db"
    kept = ("calldate", "clid", "src", "dst", "channel", "dstchannel", "duration", "billsec", "disposition", "uniqueid",
            "linkedid")  # fmt: skip
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE cdr ({', '.join(kept)})")
        for values in csv.reader(io.StringIO(CDR)):
            row = dict(zip(CDR_NAMES, values, strict=False))
            row["calldate"] = row["start"]
            database.execute(
                f"INSERT INTO cdr VALUES ({','.join('?' * len(kept))})", [row.get(name, "") for name in kept]
            )
    database.close()
    found = examine(cdr=f"sqlite:///{path}")
    assert worse(found) == []
    assert any("no time of answer" in str(finding.said) for finding in found)


def test_a_table_without_an_index_is_told_by_its_slowness(examine: Examine) -> None:
    finding = only(examine(cel=CEL, takes=6.0))
    assert "CREATE INDEX" in str(finding.remedy)


def test_no_finding_shows_the_password_of_a_database(examine: Examine) -> None:
    found = examine(cdr="nosuch://reader:hunter2@pbx/calls")
    assert "hunter2" not in str(found)
