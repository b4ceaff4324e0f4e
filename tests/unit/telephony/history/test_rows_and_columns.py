"""Values of rows: times and their zones, names, layouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.telephony.history.columns import CDR_NAMES, CEL_NAMES, heading, layout_of, mapped
from gateway.telephony.history.csvlines import CsvFormat
from gateway.telephony.history.rows import BadRow, LogClock, cdr_row, cel_row, moment_of
from tests.unit.telephony.history.logs import RECORDED, START

MOSCOW = ZoneInfo("Europe/Moscow")
BORN = datetime.fromtimestamp(START, UTC)
UNIQUEID = f"{START}.7"


def naive(zone: Any, later: float = 0.0) -> datetime:
    return (BORN + timedelta(seconds=later)).astimezone(zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("configured", "written"),
    [
        (MOSCOW, MOSCOW),
        (MOSCOW, UTC),  # usegmtime = yes, as in the sample cdr.conf
        (UTC, UTC),
        (MOSCOW, timezone(timedelta(hours=-5))),  # behind what is configured: the rows themselves prove it wrong
    ],
)
def test_uniqueid_tells_which_zone_a_log_is_written_in(configured: Any, written: Any) -> None:
    clock = LogClock(configured)
    assert clock.seconds(naive(written), UNIQUEID) == START
    assert clock.seconds(naive(written, 7_300), UNIQUEID) == START + 7_300, "a later row of the same channel"


def test_zone_is_the_configured_one_where_ids_tell_nothing() -> None:
    assert LogClock(MOSCOW).seconds(naive(MOSCOW), "odd") == START


def test_long_calls_later_row_does_not_shift_the_zone() -> None:
    clock = LogClock(MOSCOW)
    assert clock.seconds(naive(MOSCOW, 3 * 3600), UNIQUEID) == START + 3 * 3600


def test_time_with_a_zone_is_believed() -> None:
    assert LogClock(MOSCOW).seconds(BORN, UNIQUEID) == START


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1795319408.443796", 1795319408.443796),
        (1795319408, 1795319408.0),
        ("2026-11-22 03:50:08", datetime(2026, 11, 22, 3, 50, 8)),
        ("2026-11-22 03:50:08.123", datetime(2026, 11, 22, 3, 50, 8, 123_000)),
        ("2026-11-22T03:50:08+03:00", datetime(2026, 11, 22, 3, 50, 8, tzinfo=timezone(timedelta(hours=3)))),
        ("", None),
        (None, None),
        ("0000-00-00 00:00:00", None),
        ("soon", None),
        (True, None),
    ],
)
def test_times_as_logs_write_them(text: object, moment: object) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"uniqueid": ""}, "event type or no uniqueid"),
        ({"linkedid": ""}, "no linkedid"),
        ({"eventtime": "soon"}, "no time"),
        ({"eventtype": " "}, "event type"),
    ],
)
def test_channel_event_that_says_too_little_is_refused_with_a_reason(fields: dict[str, str], why: str) -> None:
    whole = {"eventtype": "CHAN_START", "eventtime": "1795300000.0", "uniqueid": UNIQUEID, "linkedid": UNIQUEID}
    assert cel_row(whole, LogClock(UTC)).kind == "CHAN_START"
    with pytest.raises(BadRow, match=why):
        cel_row({**whole, **fields}, LogClock(UTC))


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"uniqueid": ""}, "loguniqueid"), ({"disposition": ""}, "disposition"), ({"start": ""}, "no time")],
)
def test_call_detail_record_that_says_too_little_is_refused_with_a_reason(fields: dict[str, str], why: str) -> None:
    whole = {"uniqueid": UNIQUEID, "disposition": "BUSY", "start": "1795300000", "channel": "PJSIP/1-1", "end": ""}
    assert cdr_row(whole, LogClock(UTC)).linkedid == UNIQUEID
    with pytest.raises(BadRow, match=why):
        cdr_row({**whole, **fields}, LogClock(UTC))


def test_end_of_a_record_without_one_is_its_duration_later() -> None:
    fields = {"uniqueid": UNIQUEID, "disposition": "BUSY", "start": str(START), "channel": "PJSIP/1-1", "duration": 12}
    assert cdr_row(fields, LogClock(UTC)).end == START + 12


@pytest.mark.parametrize(
    ("clid", "name", "number"),
    [
        ('"Иван ""Щука"" Ёлкин" <79261234567>', 'Иван ""Щука"" Ёлкин', "79261234567"),
        ('"" <79261234567>', "", "79261234567"),
        ("Anna <101>", "Anna", "101"),
        ("нечто", "", ""),
        ('"two\nlines" <101>', "two\nlines", "101"),
    ],
)
def test_caller_is_taken_from_the_shown_caller_id(clid: str, name: str, number: str) -> None:
    fields = {"uniqueid": UNIQUEID, "disposition": "BUSY", "start": str(START), "channel": "PJSIP/1-1", "clid": clid}
    row = cdr_row(fields, LogClock(UTC))
    assert (row.name, row.source) == (name, number)


def test_extra_that_is_no_json_is_left_out() -> None:
    fields = {"eventtype": "HANGUP", "eventtime": "1795300000", "uniqueid": UNIQUEID, "linkedid": UNIQUEID}
    for extra in ("{half", "[1]", "", None, "{}"):
        assert cel_row({**fields, "extra": extra}, LogClock(UTC)).extra == {}


def test_extra_that_is_nested_without_an_end_is_left_out() -> None:
    fields = {"eventtype": "HANGUP", "eventtime": "1795300000", "uniqueid": UNIQUEID, "linkedid": UNIQUEID}
    assert cel_row({**fields, "extra": '{"a":' * 100_000 + "1" + "}" * 100_000}, LogClock(UTC)).extra == {}


def test_zeros_that_a_power_cut_left_in_a_log_can_be_stored() -> None:
    fields = {"eventtype": "HANGUP", "eventtime": "1795300000", "uniqueid": UNIQUEID, "linkedid": UNIQUEID}
    row = cel_row({**fields, "cid_name": "Iv\0an", "extra": '{"a": "\\u0000"}'}, LogClock(UTC))
    assert (row.name, row.extra) == ("Iv\ufffdan", {"a": "\ufffd"})


MASTER = ["", "79261234567", "101", "from-trunk", "", "PJSIP/t-1", "", "Dial", "", "2026-11-22 03:50:08", "", "", "0",
          "0", "BUSY", "DOCUMENTATION"]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ([], ()),
        (["1795319408.7"], ("uniqueid",)),
        (["field"], ("userfield",)),
        (["1795319408.7", "field"], ("uniqueid", "userfield")),
        (["", "1795319408.7", "3"], ("peeraccount", "linkedid", "sequence")),
        (["1795319408.7", "", "1795319408.7", "3"], ("uniqueid", "peeraccount", "linkedid", "sequence")),
        (["pbx-1795319408.7", "x", "", "1795319408.7", "3"],
         ("uniqueid", "userfield", "peeraccount", "linkedid", "sequence")),
    ],
)  # fmt: skip
def test_master_csv_is_known_with_every_switch_of_cdr_conf(more: list[str], names: tuple[str, ...]) -> None:
    assert layout_of("cdr", [*MASTER, *more]) == (*CDR_NAMES[:16], *names)


def test_cdr_custom_is_told_from_master_csv_of_the_same_width() -> None:
    values = ["<1>", "1", "101", "x", "PJSIP/t-1", "", "Dial", "", "2026-11-22 03:50:08", "", "", "0", "0", "BUSY",
              "DOCUMENTATION", "", "1795319408.7", "", "3"]  # fmt: skip
    layout = layout_of("cdr", values)
    assert layout is not None
    assert dict(zip(layout, values, strict=True))["uniqueid"] == "1795319408.7"


def test_other_rows_are_no_layout() -> None:
    assert layout_of("cdr", ["a", "b"]) is None
    assert layout_of("cdr", ["x"] * 16) is None
    assert layout_of("cel", ["CHAN_START", "soon", *[""] * 18]) is None
    assert layout_of("cel", ["CHAN_START", "1795319408.1", *[""] * 18]) == CEL_NAMES


def test_heading_gives_the_order_whatever_its_spelling() -> None:
    assert heading("cel", ["EventType", "event_time", "Uniqueid", "linkedid", "Channel", "own"]) == (
        "eventtype", "eventtime", "uniqueid", "linkedid", "channame", "",
    )  # fmt: skip
    assert heading("cdr", ["79261234567", "101", "from-trunk"]) is None


def test_columns_of_a_table_are_found_by_name_and_the_customers_own_win() -> None:
    present = ["calldate", "uniqueid", "CHANNEL", "disposition", "call_group", "other"]
    assert mapped("cdr", {"linkedid": "call_group"}, present) == {
        "start": "calldate", "uniqueid": "uniqueid", "channel": "CHANNEL", "disposition": "disposition",
        "linkedid": "call_group",
    }  # fmt: skip


@pytest.mark.parametrize(("encoding", "raw"), [(None, "cp1251"), (None, "utf-8"), ("cp866", "cp866")])
def test_letters_of_each_usual_encoding_are_read(encoding: str | None, raw: str) -> None:
    line = (RECORDED / "cdr.csv").read_text(encoding="utf-8").splitlines()
    cyrillic = next(row for row in line if "Щукин" in row)
    fields = CsvFormat("cdr", encoding=encoding).fields(cyrillic.encode(raw))
    assert "Иван Щукин-Ёлкин" in str(fields["clid"])
