"""Logs in SQL tables: the layouts that exist, paging, time zones, a large table."""

from __future__ import annotations

import csv
import io
import sqlite3
import time
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text

from gateway.telephony.history.columns import CDR_NAMES, CEL_NAMES, LogKind
from gateway.telephony.history.logtable import LogTable
from gateway.telephony.history.page import PAGE_ROWS, LogUnreadable
from tests.unit.telephony.history.logs import FAR, RECORDED, calls_of, read, reading

MOSCOW = ZoneInfo("Europe/Moscow")
WHOLE_CEL = {record.linkedid: record.as_json() for record in calls_of(RECORDED / "cel.csv", "cel")}
WHOLE_CDR = {record.linkedid: record.as_json() for record in calls_of(RECORDED / "cdr.csv", "cdr")}


def rows_of(file: str, names: Iterable[str]) -> list[dict[str, str]]:
    data = (RECORDED / file).read_text(encoding="utf-8")
    return [dict(zip(names, values, strict=True)) for values in csv.reader(io.StringIO(data, newline=""))]


def make(path: Path, table: str, rows: list[dict[str, Any]], *, index: str = "") -> str:
    """A SQLite table of these rows; its URL."""
    columns = list(rows[0])
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        marks = ", ".join("?" for _ in columns)
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in rows])
        if index:
            database.execute(f"CREATE INDEX {table}_{index} ON {table} ({index})")
    database.close()
    return f"sqlite:///{path}"


def told(url: str, kind: LogKind, zone: Any = UTC, cursor: Any = None, **more: Any) -> dict[str, Any]:
    log = LogTable(url, kind, zone, **more)
    reader = reading(log, cursor)
    records = [*read(reader).records, *reader.end(FAR)]
    log.close()
    assert len({record.linkedid for record in records}) == len(records)
    return {record.linkedid: record.as_json() for record in records}


def local(epoch: str) -> str:
    return datetime.fromtimestamp(float(epoch), MOSCOW).strftime("%Y-%m-%d %H:%M:%S.%f")


def as_utc(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).replace(tzinfo=UTC)


def test_channel_events_of_freepbx(tmp_path: Path) -> None:
    """``asteriskcdrdb.cel``: a running id, local times in ``eventtime``."""
    rows = [
        {"id": number, **{name: row[name] for name in CEL_NAMES}, "eventtime": local(row["eventtime"])}
        for number, row in enumerate(rows_of("cel.csv", CEL_NAMES))
    ]
    assert told(make(tmp_path / "a.db", "cel", rows), "cel", MOSCOW) == WHOLE_CEL


def test_channel_events_with_times_of_whole_seconds_are_read_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rows = [
        {"id": number, **row, "eventtime": local(row["eventtime"])[:19]}
        for number, row in enumerate(rows_of("cel.csv", CEL_NAMES))
    ]
    got = told(make(tmp_path / "a.db", "cel", rows), "cel", MOSCOW)
    assert {key: (one["outcome"], one["answered_by"], one["transfers"]) for key, one in got.items()} == {
        key: (one["outcome"], one["answered_by"], one["transfers"]) for key, one in WHOLE_CEL.items()
    }


def test_records_of_freepbx_have_a_calldate_and_no_answer(tmp_path: Path) -> None:
    kept = ("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
            "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "linkedid", "sequence")  # fmt: skip
    rows = [
        {"calldate": as_utc(row["start"]).astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S"),
         **{name: row[name] for name in kept}, "did": row["dst"] if row["dcontext"] == "from-trunk" else "",
         "recordingfile": "rec.wav"}
        for row in rows_of("cdr.csv", CDR_NAMES[:21])
    ]  # fmt: skip
    got = told(make(tmp_path / "a.db", "cdr", rows), "cdr", MOSCOW)
    assert {key: (one["outcome"], one["answered_by"], one["started_at"]) for key, one in got.items()} == {
        key: (one["outcome"], one["answered_by"], one["started_at"]) for key, one in WHOLE_CDR.items()
    }
    assert {one["recording"] for one in got.values()} == {"rec.wav"}


def test_records_in_asterisks_own_layout(tmp_path: Path) -> None:
    rows = rows_of("cdr.csv", CDR_NAMES[:21])
    assert told(make(tmp_path / "a.db", "cdr", rows), "cdr") == WHOLE_CDR


def test_columns_and_table_of_the_customers_own(tmp_path: Path) -> None:
    own = {"start": "began", "linkedid": "call_group", "disposition": "result"}
    rows = [{own.get(name, name): value for name, value in row.items()} for row in rows_of("cdr.csv", CDR_NAMES[:21])]
    url = make(tmp_path / "a.db", "calls_2026", rows)
    assert told(url, "cdr", table="calls_2026", columns=own) == WHOLE_CDR


@pytest.mark.parametrize(
    ("columns", "table", "sentence"),
    [
        ({}, "nothing", "there is no such table"),
        ({"start": "nothing"}, "", "has no column nothing"),
        ({}, "", "no column is called start"),
    ],
)
def test_table_that_can_not_be_read_is_told_with_the_way_out(
    tmp_path: Path, columns: dict[str, str], table: str, sentence: str
) -> None:
    url = make(tmp_path / "a.db", "cdr", [{"uniqueid": "1", "channel": "x", "disposition": "BUSY", "when_": ""}])
    with pytest.raises(LogUnreadable, match=sentence):
        told(url, "cdr", columns=columns, table=table)


def test_database_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LogUnreadable, match="does not exist"):
        told(f"sqlite:///{tmp_path}/a.db", "cdr")
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize("scheme", ["mysql+pymysql", "nosuch"])
def test_missing_driver_is_told_without_the_password(scheme: str) -> None:
    with pytest.raises(LogUnreadable) as refusal:
        told(f"{scheme}://reader:hunter2@127.0.0.1:1/asterisk", "cdr")
    assert "hunter2" not in str(refusal.value)


def test_empty_table_tells_nothing_and_moves_nothing(tmp_path: Path) -> None:
    url = make(tmp_path / "a.db", "cdr", [dict.fromkeys(CDR_NAMES, "")])
    with create_engine(url).begin() as connection:
        connection.execute(text("DELETE FROM cdr"))
    reader = reading(LogTable(url, "cdr", UTC))
    assert read(reader).records == []
    assert reader.cursor() is None


def test_row_without_a_time_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    rows = rows_of("cdr.csv", CDR_NAMES[:21])
    bad = {**rows[0], "uniqueid": "", "linkedid": ""}
    log = LogTable(make(tmp_path / "a.db", "cdr", [*rows, bad]), "cdr", UTC)
    reader = reading(log)
    whole = read(reader)
    assert len(whole.refused) == 1
    assert "loguniqueid" in str(whole.refused[0].why)
    log.close()


def test_reading_goes_on_behind_the_cursor_and_finds_what_was_written_late(tmp_path: Path) -> None:
    rows = rows_of("cdr.csv", CDR_NAMES[:21])
    hour = timedelta(hours=1)
    url = make(tmp_path / "a.db", "cdr", rows[:-1])
    first = reading(LogTable(url, "cdr", UTC))
    read(first)
    cursor = first.cursor()
    late = {**rows[0], "uniqueid": "1795316000.5", "linkedid": "1795316000.5", "channel": "PJSIP/trunk-0000f000",
            "dstchannel": "", "start": str(as_utc(rows[0]["start"]) - hour)[:19]}  # fmt: skip
    with sqlite3.connect(tmp_path / "a.db") as database:
        marks = ", ".join("?" for _ in late)
        database.execute(f"INSERT INTO cdr VALUES ({marks})", tuple(late.values()))
    database.close()
    assert "1795316000.5" in told(url, "cdr", cursor=cursor), "a long call's record stands at its beginning"


def many(count: int, day: datetime) -> Iterable[tuple[Any, ...]]:
    """``count`` records over 100 days before ``day``, 1 % of them on the last."""
    step = timedelta(days=100) / count
    begin = day - timedelta(days=100)
    for number in range(count):
        at = begin + step * number
        stamp, uniqueid = at.strftime("%Y-%m-%d %H:%M:%S"), f"{int(at.timestamp())}.{number}"
        yield (stamp, f"7926{number:07d}", "74950000101", "from-trunk", f"PJSIP/trunk-{number:08x}",
               f"PJSIP/101-{number:08x}", "Dial", "PJSIP/101,10", 12, 7, "ANSWERED", uniqueid, uniqueid)  # fmt: skip


@pytest.fixture(scope="module")
def large_table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """300,000 records of a hundred days, indexed by date as FreePBX does."""
    path = tmp_path_factory.mktemp("large") / "asteriskcdrdb.db"
    names = ("calldate", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration",
             "billsec", "disposition", "uniqueid", "linkedid")  # fmt: skip
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE cdr ({', '.join(names)})")
        marks = ", ".join("?" for _ in names)
        database.executemany(f"INSERT INTO cdr VALUES ({marks})", many(300_000, datetime(2026, 11, 22, tzinfo=UTC)))
        database.execute("CREATE INDEX calldate ON cdr (calldate)")
    database.close()
    return f"sqlite:///{path}"


def test_one_day_of_a_large_table_is_read_quickly_and_in_bounded_memory(large_table: str) -> None:
    since = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    log = LogTable(large_table, "cdr", UTC)
    tracemalloc.start()
    began = time.process_time()
    reader = reading(log, since=since)
    records = [*read(reader).records, *reader.end(FAR)]
    seconds = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    log.close()
    assert len(records) == 3_000
    assert seconds < 10, "of this process's own time: the machine may be busy"
    assert peak < 100e6


def test_pages_are_bounded_and_lose_nothing_where_many_rows_share_a_second(tmp_path: Path) -> None:
    base = rows_of("cdr.csv", CDR_NAMES[:21])[0]
    rows = [{**base, "uniqueid": f"1795319408.{n}", "linkedid": f"1795319408.{n}"} for n in range(2 * PAGE_ROWS + 50)]
    log = LogTable(make(tmp_path / "a.db", "cdr", rows), "cdr", UTC)
    pages = list(log.pages(None))
    assert max(len(page.rows) for page in pages) == PAGE_ROWS
    assert len({row.uniqueid for page in pages for row, _ in page.rows}) == len(rows)
    log.close()


@pytest.mark.peer("postgresql")
def test_channel_events_in_postgresql(postgresql_url: str) -> None:
    """Asterisk's own layout (contrib/ast-db-manage, cel): ``eventtime`` is a timestamp without a zone."""
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        columns = ", ".join(f"{name} text" for name in CEL_NAMES if name != "eventtime")
        connection.execute(text(f"CREATE TABLE cel (id bigserial, eventtime timestamp, {columns})"))
        statement = f"INSERT INTO cel ({', '.join(CEL_NAMES)}) VALUES ({', '.join(':' + name for name in CEL_NAMES)})"
        rows = [{**row, "eventtime": local(row["eventtime"])} for row in rows_of("cel.csv", CEL_NAMES)]
        connection.execute(text(statement), rows)
    engine.dispose()
    assert told(postgresql_url, "cel", MOSCOW) == WHOLE_CEL


FREEPBX_CDR = """
CREATE TABLE cdr (
  calldate datetime NOT NULL DEFAULT '0000-00-00 00:00:00', clid varchar(80) NOT NULL DEFAULT '',
  src varchar(80) NOT NULL DEFAULT '', dst varchar(80) NOT NULL DEFAULT '', dcontext varchar(80) NOT NULL DEFAULT '',
  channel varchar(80) NOT NULL DEFAULT '', dstchannel varchar(80) NOT NULL DEFAULT '',
  lastapp varchar(80) NOT NULL DEFAULT '', lastdata varchar(80) NOT NULL DEFAULT '', duration int NOT NULL DEFAULT 0,
  billsec int NOT NULL DEFAULT 0, disposition varchar(45) NOT NULL DEFAULT '', amaflags int NOT NULL DEFAULT 0,
  accountcode varchar(20) NOT NULL DEFAULT '', uniqueid varchar(32) NOT NULL DEFAULT '',
  userfield varchar(255) NOT NULL DEFAULT '', did varchar(50) NOT NULL DEFAULT '',
  recordingfile varchar(255) NOT NULL DEFAULT '', cnum varchar(80) NOT NULL DEFAULT '',
  cnam varchar(80) NOT NULL DEFAULT '', outbound_cnum varchar(80) NOT NULL DEFAULT '',
  linkedid varchar(32) NOT NULL DEFAULT '', sequence int NOT NULL DEFAULT 0,
  KEY calldate (calldate), KEY dst (dst)) DEFAULT CHARSET=utf8mb4
"""


@pytest.mark.peer("mariadb")
def test_records_of_freepbx_in_mariadb(mariadb_url: str) -> None:
    """The table of FreePBX's own installer, in the server that it installs."""
    shared = ("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec",
              "disposition", "uniqueid", "linkedid", "sequence")  # fmt: skip
    engine = create_engine(mariadb_url)
    with engine.begin() as database:
        database.execute(text("SET SESSION sql_mode = ''"))
        database.execute(text(FREEPBX_CDR))
        names = ("calldate", *shared)
        insert = f"INSERT INTO cdr ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        for row in rows_of("cdr.csv", CDR_NAMES[:21]):
            calldate = as_utc(row["start"]).astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S")
            database.execute(text(insert), {**{name: row[name] for name in shared}, "calldate": calldate})
    engine.dispose()
    found = told(mariadb_url, "cdr", MOSCOW)
    same = ("direction", "caller", "dialled", "outcome", "answered_by", "rang")
    assert {key: [call[name] for name in same] for key, call in found.items()} == {
        key: [call[name] for name in same] for key, call in WHOLE_CDR.items()
    }


@pytest.mark.peer("mariadb")
def test_channel_events_of_freepbx_in_mariadb(mariadb_url: str) -> None:
    engine = create_engine(mariadb_url)
    with engine.begin() as database:
        columns = ", ".join(f"{name} varchar(255)" for name in CEL_NAMES if name not in ("eventtime", "extra"))
        created = f"CREATE TABLE cel (id int PRIMARY KEY AUTO_INCREMENT, eventtime datetime(6), extra text, {columns})"
        database.execute(text(created))
        marks = ", ".join(f":{name}" for name in CEL_NAMES)
        for row in rows_of("cel.csv", CEL_NAMES):
            database.execute(
                text(f"INSERT INTO cel ({', '.join(CEL_NAMES)}) VALUES ({marks})"),
                {**row, "eventtime": local(row["eventtime"])},
            )
    engine.dispose()
    assert told(mariadb_url, "cel", MOSCOW) == WHOLE_CEL
