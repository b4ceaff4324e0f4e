"""What the demo PBX says is going on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.demo.recording import load
from gateway.demo.switchboard import Switchboard

RECORDINGS = sorted((Path(__file__).parents[3] / "gateway/demo/recordings").glob("*.ami"))


def channel(uniqueid: str, **headers: str) -> dict[str, str]:
    return {
        "Event": "Newchannel",
        "Uniqueid": uniqueid,
        "Linkedid": uniqueid,
        "Channel": f"PJSIP/{uniqueid}",
        **headers,
    }


def test_a_channel_is_listed_from_its_birth_to_its_hangup_as_the_latest_event_tells_it() -> None:
    board = Switchboard()
    board.apply(channel("1.1", ChannelState="4"), 100)
    board.apply({"Event": "Newstate", "Uniqueid": "1.1", "ChannelState": "6"}, 101)
    board.apply({"Event": "DialBegin", "Uniqueid": "9.9", "DestUniqueid": "1.1", "DestLinkedid": "1.0"}, 102)
    (listed,) = board.channels(3825)
    assert (listed["ChannelState"], listed["Linkedid"], listed["Duration"]) == ("6", "1.0", "01:02:05")
    board.apply({"Event": "Hangup", "Uniqueid": "1.1"}, 103)
    assert board.channels(104) == []


def test_members_come_and_go_and_leave_by_hanging_up() -> None:
    board = Switchboard()
    for uniqueid in ("1.1", "1.2"):
        board.apply(channel(uniqueid), 0)
        board.apply({"Event": "BridgeEnter", "BridgeUniqueid": "b", "BridgeType": "basic", "Uniqueid": uniqueid}, 1)
    assert [member["Uniqueid"] for member in board.members("b") or []] == ["1.1", "1.2"]
    assert board.bridges()[0]["BridgeNumChannels"] == "2"
    assert board.channels(2)[0]["BridgeId"] == "b"
    board.apply({"Event": "BridgeLeave", "BridgeUniqueid": "b", "Uniqueid": "1.1"}, 2)
    board.apply({"Event": "Hangup", "Uniqueid": "1.2"}, 3)
    assert board.members("b") == []
    board.apply({"Event": "BridgeDestroy", "BridgeUniqueid": "b"}, 4)
    assert board.members("b") is None


def test_a_caller_waits_in_a_queue_until_he_leaves_it_or_hangs_up() -> None:
    board = Switchboard()
    for uniqueid in ("1.1", "1.2"):
        board.apply(channel(uniqueid), 0)
        board.apply({"Event": "QueueCallerJoin", "Queue": "sales", "Position": "1", "Uniqueid": uniqueid}, 10)
    assert [(entry["Uniqueid"], entry["Wait"]) for entry in board.waiting(25)] == [("1.1", "15"), ("1.2", "15")]
    board.apply({"Event": "QueueCallerLeave", "Queue": "sales", "Uniqueid": "1.1"}, 26)
    board.apply({"Event": "Hangup", "Uniqueid": "1.2"}, 27)
    assert board.waiting(28) == []


def test_events_about_unknown_things_change_nothing() -> None:
    board = Switchboard()
    for event in ({}, {"Event": "Hangup"}, {"Event": "Newstate", "Uniqueid": "7.7"}, {"Event": "BridgeDestroy"}):
        board.apply(event, 0)
    board.apply({"Event": "BridgeEnter", "BridgeUniqueid": "b", "Uniqueid": "7.7"}, 0)
    assert (board.channels(1), board.members("b"), board.waiting(1)) == ([], [], [])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_after_a_whole_recording_nothing_is_left(path: Path) -> None:
    board = Switchboard()
    most = 0
    for event in load(path).events:
        board.apply(dict(event.headers), event.after)
        most = max(most, len(board.channels(event.after)))
    assert most >= 1
    assert (board.channels(99), board.waiting(99)) == ([], [])
