"""Which rows are one call, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from gateway.telephony.history.cdrgroups import CdrGroups
from gateway.telephony.history.grouping import LONGEST_CALL, OpenGroups
from gateway.telephony.history.rows import CelRow, LogClock, cel_row
from tests.unit.telephony.history.logs import FAR, START, Rows, cdr, cel, read, reading, recorded_cel

TRUNK = "PJSIP/trunk-00000001"


def fed(rows: list[CelRow]) -> OpenGroups:
    groups = OpenGroups()
    for place, row in enumerate(rows):
        groups.feed(row, place)
    return groups


def begins(number: int = 1, at: float = 0.0) -> CelRow:
    return cel("CHAN_START", at, str(number), str(number), f"PJSIP/trunk-{number:08x}", number="79261234567")


def ends(number: int = 1, at: float = 9.0) -> CelRow:
    return cel("CHAN_END", at, str(number), str(number), f"PJSIP/trunk-{number:08x}")


def test_call_whose_channels_have_ended_is_over_when_the_log_has_gone_on() -> None:
    assert fed([begins(), ends()]).finished({}) == []
    (group,) = fed([begins(), ends(), begins(2, at=20)]).finished({})
    assert [row.kind for row in group.rows] == ["CHAN_START", "CHAN_END"]
    assert not group.cut


def test_call_that_was_the_same_at_the_last_reading_is_over_though_the_log_stands_still() -> None:
    first = fed([begins(), ends()])
    assert first.finished({}) == []
    second = fed([begins(), ends()])
    assert len(second.finished(first.signatures())) == 1
    assert second.signatures() == first.signatures(), "the next reading of the same rows finds it over too"


def test_call_in_progress_is_not_over_however_long_nothing_happens() -> None:
    groups = fed([begins(), begins(2, at=3600), ends(2, at=3700), begins(3, at=4000)])
    assert [group.key for group in groups.finished({})] == [f"{START}.2"]
    assert groups.first_place() == 0, "the next reading begins with it"


def test_call_without_an_end_for_a_day_was_cut() -> None:
    (group,) = fed([begins(), begins(2, at=LONGEST_CALL + 1)]).finished({})
    assert group.cut


def test_channel_numbers_that_begin_anew_show_that_the_pbx_was_restarted() -> None:
    after = replace(begins(0, at=60), uniqueid=f"{START + 60}.0", linkedid=f"{START + 60}.0")
    (group,) = fed([begins(7), after]).finished({})
    assert (group.key, group.cut) == (f"{START}.7", True)


def test_restart_of_another_system_in_the_same_log_cuts_nothing() -> None:
    def of(system: str, row: CelRow) -> CelRow:
        return replace(row, uniqueid=f"{system}-{row.uniqueid}", linkedid=f"{system}-{row.linkedid}")

    after = replace(begins(0, at=60), uniqueid=f"{START + 60}.0", linkedid=f"{START + 60}.0")
    assert fed([of("pbx-1", begins(7)), of("pbx-2", after)]).finished({}) == []


def test_rows_a_little_out_of_order_are_no_restart() -> None:
    assert fed([begins(7), begins(6), begins(8)]).finished({}) == []


def test_calls_cut_by_a_crash_are_told_once_the_pbx_runs_again() -> None:
    rows = recorded_cel("cel_crash.csv")
    last = max(row.at for row in rows)
    after = replace(begins(0), at=last + 30, uniqueid=f"{int(last) + 30}.0", linkedid=f"{int(last) + 30}.0")
    told = read(reading(Rows("cel", [*rows, after])))
    assert sorted(record.outcome for record in told.records) == ["answered", "missed", "missed"]
    assert all(record.facts["cut"] and record.gap for record in told.records)


def test_calls_that_the_pbx_knows_no_more_are_cut_at_the_second_look() -> None:
    rows = recorded_cel("cel_crash.csv")
    first = reading(Rows("cel", rows))
    assert read(first).records == []
    assert first.give_up(alive=frozenset()) == [], "their last rows may still be on the way"
    second = reading(Rows("cel", rows), quiet=first.signatures())
    assert read(second).records == []
    survivor = rows[0].linkedid
    assert {record.linkedid for record in second.give_up({survivor})} == {row.linkedid for row in rows} - {survivor}


def test_channels_that_meet_are_one_call_though_their_linkedids_differ() -> None:
    picker = cel("CHAN_START", 1, "2", "2", "PJSIP/102-00000002")
    pickup = cel("PICKUP", 2, "3", "1", "PJSIP/101-00000003", extra={"pickup_channel_uniqueid": f"{START}.2"})
    groups = fed([begins(), picker, pickup, ends(2, at=8), ends(), cel("CHAN_END", 9, "3", "1", "PJSIP/101-00000003")])
    (group,) = groups.finished(groups.signatures())
    assert {row.linkedid for row in group.rows} == {f"{START}.1", f"{START}.2"}


def test_transfers_without_a_target_do_not_tie_their_calls_together() -> None:
    nobody = '{"transfer_target_channel_name":"N/A","transfer_target_channel_uniqueid":"N/A"}'
    transfers = [
        cel_row(
            {"eventtype": "ATTENDEDTRANSFER", "eventtime": START + 5, "uniqueid": row.uniqueid,
             "linkedid": row.linkedid, "channame": row.channel, "extra": nobody},
            LogClock(UTC),
        )
        for row in (begins(1), begins(2))
    ]  # fmt: skip
    groups = fed([begins(1), begins(2), *transfers, ends(1), begins(3, at=60)])
    assert [group.key for group in groups.finished({})] == [f"{START}.1"], "the other call goes on"


def test_row_that_trails_a_finished_call_does_not_begin_it_again() -> None:
    groups = fed([begins(), ends(), begins(2, at=20)])
    groups.finished({})
    groups.feed(cel("LINKEDID_END", 21, "1", "1", TRUNK), 3)
    assert (groups.late, groups.open_count) == (1, 1)


def test_call_whose_beginning_was_not_read_is_left_out_and_counted() -> None:
    groups = fed([cel("ANSWER", 1, "1", "1", TRUNK), ends(), begins(2, at=20)])
    assert groups.finished({}) == []
    assert groups.headless == 1


def test_finished_calls_behind_the_place_are_named_so_that_they_are_not_told_again() -> None:
    rows = [begins(1), begins(2, at=1), ends(2, at=2), begins(3, at=30), ends(3, at=31), begins(4, at=60)]
    first = reading(Rows("cel", rows))
    assert {record.linkedid for record in read(first).records} == {f"{START}.2", f"{START}.3"}
    cursor = first.cursor()
    assert cursor is not None
    second = reading(Rows("cel", rows), cursor)
    assert read(second).records == []


def test_rows_of_one_call_are_bounded() -> None:
    many = [cel("BRIDGE_ENTER", at, "1", "1", TRUNK) for at in range(20_000)]
    groups = fed([begins(), *many, ends(at=20_000)])
    (group,) = groups.finished(groups.signatures() | {f"{START}.1": len(next(iter(groups._groups)).rows)})
    assert len(group.rows) < 6_000
    assert group.rows[-1].kind == "CHAN_END"


def test_records_wait_for_the_row_of_the_calls_first_channel() -> None:
    groups = CdrGroups()
    groups.feed(cdr(0, 3, "NO ANSWER", uniqueid=f"{START}.2"), 0)
    groups.feed(cdr(0, 60, "BUSY", linkedid="other", uniqueid="other"), 1)
    assert [group.key for group in groups.finished({})] == []
    groups.feed(cdr(0, 90, "ANSWERED"), 2)
    groups.feed(cdr(0, 200, "BUSY", linkedid="third", uniqueid="third"), 3)
    assert [len(group.rows) for group in groups.finished({})] == [2, 1]


def test_records_without_linkedids_are_joined_by_the_channels_they_name() -> None:
    groups = CdrGroups()
    queue = cdr(0, 9, "ANSWERED", linkedid="a", uniqueid="a", dstchannel="Local/102@x-00000001;1", chained=False)
    groups.feed(queue, 0)
    groups.feed(cdr(1, 9, "ANSWERED", linkedid="b", uniqueid="b", channel="Local/102@x-00000001;2", chained=False), 1)
    groups.feed(cdr(1, 9, "ANSWERED", linkedid="c", uniqueid="c", channel="PJSIP/trunk-00000007", chained=False), 2)
    assert sorted(len(group.rows) for group in groups.rest()) == [1, 2]


def test_records_with_linkedids_are_not_joined_by_channel_names_which_come_again_after_a_restart() -> None:
    groups = CdrGroups()
    groups.feed(cdr(0, 9, "ANSWERED", linkedid="a", uniqueid="a"), 0)
    groups.feed(cdr(100, 109, "ANSWERED", linkedid="b", uniqueid="b"), 1)
    assert sorted(len(group.rows) for group in groups.rest()) == [1, 1]


def test_call_that_began_before_the_first_row_that_was_read_is_left_out() -> None:
    groups = CdrGroups(since=START + 10)
    groups.feed(cdr(20, 30, "ANSWERED"), 0)  # its linkedid says that it began at START
    groups.feed(cdr(20, 30, "ANSWERED", linkedid=f"{START + 20}.5", uniqueid=f"{START + 20}.5", channel="x"), 1)
    assert [group.key for group in groups.rest()] == [f"{START + 20}.5"]
    assert groups.headless == 1


def test_end_of_a_log_leaves_out_what_may_still_go_on() -> None:
    for cut_before, expected in ((FAR, 1), (0.0, 0)):
        reader = reading(Rows("cel", [begins()]))
        read(reader)
        assert len(reader.end(cut_before)) == expected
        assert reader.open_count == 1 - expected


def test_a_row_that_ties_two_calls_by_three_of_its_ids_joins_them_once() -> None:
    """The younger call's id comes twice: found by the fuzzer."""
    older, younger = begins(1), begins(2, at=1)
    tie = cel("BRIDGE_ENTER", 2, "1", "2", TRUNK, extra={"channel2_uniqueid": f"{START}.2"})
    groups = fed([older, younger, tie])
    assert groups.open_count == 1
