"""The AMI client against a PBX on a real socket, behaving and misbehaving."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import replace

import pytest

from gateway.demo.mischief import Mischief
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Recording
from gateway.telephony.ami.client import AmiAddress, AmiClient
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import ActionRefused, AmiClosed, AmiOverflow, AmiTimeout
from gateway.telephony.safe import UnsafeValue
from tests.integration.telephony.ami_user import Make, User, connected, failed
from tests.unit.telephony.fakes import FakeTime, until

AFTER = b"Event: Newstate\r\nNumber: after\r\n\r\n"


def asked(pbx: PbxServer, action: str) -> list[dict[str, str]]:
    return [headers for headers in pbx.actions if headers.get("Action") == action]


# -- logging in ------------------------------------------------------------------------------------------------------


async def test_login_by_challenge_keeps_the_secret_off_the_wire(make_client: Make, pbx: PbxServer) -> None:
    await connected(make_client(classes="call,agent"))
    (login,) = asked(pbx, "Login")
    assert login["AuthType"] == "MD5"
    assert login["Events"] == "call,agent"
    assert "hunter2" not in str(pbx.actions)


async def test_a_peer_without_challenge_gets_a_plain_login(make_client: Make, pbx: PbxServer) -> None:
    pbx.mischief = Mischief(no_challenge=True)
    await connected(make_client())
    assert "AuthType" not in asked(pbx, "Login")[0]


@pytest.mark.parametrize("no_challenge", [False, True])
async def test_a_wrong_secret_is_said_and_does_not_storm(
    make_client: Make, pbx: PbxServer, time: FakeTime, no_challenge: bool
) -> None:
    pbx.mischief = Mischief(no_challenge=no_challenge)
    client = make_client(secret="wrong")
    sentence = await failed(client)
    assert client.state.state == "refused"
    assert "refused the login of 'leadgate': Authentication failed" in sentence
    assert "manager.conf" in sentence
    assert "wrong" not in sentence
    for minutes in (1, 2, 4, 8, 10, 10):
        before = pbx.connections
        await time.advance(minutes * 60 - 1)
        assert pbx.connections == before
        await time.advance(1)
        await until(lambda expected=before + 1: pbx.connections == expected)  # type: ignore[misc]
        await until(lambda expected=minutes: len(time.slept) > 0 and time.slept[-1] >= 60)  # type: ignore[misc]


async def test_a_secret_put_right_on_the_pbx_is_found_by_itself(
    make_client: Make, pbx: PbxServer, time: FakeTime
) -> None:
    client = make_client()
    pbx._secret = "another"
    assert "Authentication failed" in await failed(client)
    pbx._secret = "hunter2"
    await time.advance(60)
    await connected(client)
    assert str(client.state.detail) == ""


# -- peers that are none, or are not there ---------------------------------------------------------------------------


async def test_a_port_where_nobody_listens_is_said(make_client: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = make_client(port=taken.getsockname()[1])
        assert "is the PBX up" in await failed(client)
    assert client.state.state == "unreachable"


async def test_a_name_that_does_not_resolve_is_said(make_client: Make) -> None:
    assert "can't be resolved" in await failed(make_client(host="pbx.invalid"))


@pytest.mark.parametrize(
    ("banner", "sentence"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "it began with 'SSH-2.0-OpenSSH_9.9'"),
        (b"* OK [CAPABILITY IMAP4] ready\r\n", "it began with '* OK"),
        (b"Error: not here\r\n", "it sent no greeting line"),
        (b"\x00\x01\x02\xff" * 1000, "it sent no greeting line"),
    ],
)
async def test_a_peer_that_is_no_ami_server_is_said(
    make_client: Make, pbx: PbxServer, banner: bytes, sentence: str
) -> None:
    pbx.mischief = Mischief(banner=banner)
    client = make_client()
    said = await failed(client)
    assert "is not an Asterisk Manager Interface" in said
    assert sentence in said
    assert client.state.state == "refused"
    assert pbx.actions == type(pbx.actions)()  # it was told nothing


async def test_a_peer_that_says_nothing_is_given_up_after_ten_seconds(
    make_client: Make, pbx: PbxServer, time: FakeTime
) -> None:
    pbx.mischief = Mischief(silent=True)
    client = make_client()
    await until(lambda: pbx.connections == 1)
    await until(lambda: 10.0 in time.slept[1:])
    await time.advance(10.5)
    assert "said nothing for 10 s" in await failed(client)


async def test_a_peer_that_closes_at_once_is_tried_again_more_and_more_slowly(
    make_client: Make, pbx: PbxServer, time: FakeTime
) -> None:
    pbx.mischief = Mischief(cut_after=0)
    client = make_client()
    for pause, attempt in [(1, 1), (2, 2), (4, 3), (8, 4), (16, 5), (30, 6), (30, 7)]:
        await until(lambda expected=pause: time.slept[-1:] == [expected])  # type: ignore[misc]
        assert pbx.connections == attempt
        assert "closed the connection" in str(client.state.detail)
        await time.advance(pause)


# -- events and actions ----------------------------------------------------------------------------------------------


async def test_events_arrive_in_order_and_whole(
    make_client: Make, pbx: PbxServer, user: User, recording: Recording
) -> None:
    await connected(make_client())
    await pbx.listeners(1)
    await pbx.play(recording, speed=float("inf"))
    await until(lambda: len(user.events) > len(recording.events))
    assert [event["Event"] for event in user.events[1:]] == [dict(event.headers)["Event"] for event in recording.events]


@pytest.mark.parametrize("drip", [1, 7, 1447])
async def test_a_stream_in_small_packets_reads_the_same(
    make_client: Make, pbx: PbxServer, user: User, recording: Recording, drip: int
) -> None:
    pbx.mischief = Mischief(drip=drip)
    await connected(make_client())
    await pbx.listeners(1)
    short = replace(recording, events=recording.events[:20])
    await pbx.play(short, speed=float("inf"))
    await until(lambda: len(user.events) == 21)
    assert [event["Event"] for event in user.events[1:]] == [dict(event.headers)["Event"] for event in short.events]


async def test_answers_find_the_action_that_asked_whatever_their_order(make_client: Make, user: User) -> None:
    await connected(make_client())
    pings = [user.live.action("Ping") for _ in range(50)]
    lists = [user.live.listing("CoreShowChannels") for _ in range(5)]
    assert all(answer["Ping"] == "Pong" for answer in await asyncio.gather(*pings))
    assert all(items[-1]["Event"] == "CoreShowChannelsComplete" for items in await asyncio.gather(*lists))
    assert [event["Event"] for event in user.events] == ["FullyBooted"]


async def test_an_action_that_the_pbx_refuses_gives_its_reason(make_client: Make, pbx: PbxServer, user: User) -> None:
    pbx.mischief = Mischief(refuses=frozenset({"CoreShowChannels"}))
    await connected(make_client())
    with pytest.raises(ActionRefused, match="Permission denied"):
        await user.live.listing("CoreShowChannels")
    with pytest.raises(ActionRefused, match="unknown command"):
        await user.live.action("MakeCoffee")


async def test_an_unsafe_action_never_reaches_the_wire(make_client: Make, pbx: PbxServer, user: User) -> None:
    await connected(make_client())
    before = len(pbx.actions)
    with pytest.raises(UnsafeValue):
        await user.live.action("Originate", {"Channel": "PJSIP/1\r\nAction: Command\r\nCommand: core stop now"})
    await user.live.action("Ping")
    assert [headers["Action"] for headers in list(pbx.actions)[before:]] == ["Ping"]


async def test_an_action_that_gets_no_answer_times_out_and_a_late_answer_is_nobodys(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    pbx.mischief = Mischief(silent_after_login=True)
    await connected(make_client())
    asking = asyncio.create_task(user.live.action("CoreStatus", seconds=3))
    await until(lambda: bool(asked(pbx, "CoreStatus")))
    await time.advance(3)
    with pytest.raises(AmiTimeout, match="did not answer CoreStatus within 3 s"):
        await asking
    late = asked(pbx, "CoreStatus")[0]["ActionID"].encode()
    (client,) = pbx._clients
    await client.wire.send(b"Response: Success\r\nActionID: " + late + b"\r\n\r\n" + AFTER)
    await until(lambda: bool(user.events) and user.events[-1].get("Number") == "after")
    assert [event["Event"] for event in user.events] == ["FullyBooted", "Newstate"]


async def test_when_the_connection_drops_all_that_waits_fails_and_nothing_is_sent_again(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    pbx.mischief = Mischief(silent_after_login=True)
    client = make_client()
    await connected(client)
    waiting = [
        asyncio.create_task(user.live.action("Originate", {"Channel": f"PJSIP/{number}"})) for number in range(3)
    ]
    await until(lambda: len(asked(pbx, "Originate")) == 3)
    pbx.mischief = Mischief()
    pbx.cut()
    for task in waiting:
        with pytest.raises(AmiClosed):
            await task
    with pytest.raises(AmiClosed):
        await user.live.action("Ping")
    await until(lambda: time.slept[-1:] == [1.0])
    await time.advance(1)
    await connected(client, sessions=2)
    await user.live.action("Ping")
    assert len(asked(pbx, "Originate")) == 3


# -- watching over it ------------------------------------------------------------------------------------------------


async def test_a_peer_that_died_without_a_word_is_noticed_within_fifteen_seconds(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    """Trap 20."""
    pbx.mischief = Mischief(silent_after_login=True)
    client = make_client()
    await connected(client)
    began = time.monotonic()
    await time.advance(5)
    await until(lambda: bool(asked(pbx, "Ping")))
    await time.advance(5)
    assert "no sign of life" in await failed(client)
    assert time.monotonic() - began <= 15
    assert isinstance(user.ends[0], AmiTimeout)


async def test_a_peer_that_is_quiet_but_alive_stays_connected(
    make_client: Make, pbx: PbxServer, time: FakeTime
) -> None:
    """Trap 20."""
    client = make_client()
    await connected(client)
    for count in range(1, 6):
        await time.advance(5)
        await until(lambda expected=count: len(asked(pbx, "Ping")) == expected)  # type: ignore[misc]
        await until(lambda expected=count: time.slept.count(5.0) == 2 * expected + 1)  # type: ignore[misc]
    assert (client.sessions, client.state.state) == (1, "connected")


async def test_events_count_as_a_sign_of_life_when_the_answer_to_a_ping_is_late(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    client = make_client()
    await connected(client)
    await pbx.listeners(1)
    pbx._answers.clear()  # from now on the PBX refuses everything, so an answer is a refusal
    (talker,) = pbx._clients
    await time.advance(5)
    await until(lambda: bool(asked(pbx, "Ping")))
    talker.mute = True
    await until(lambda: time.slept[-1:] == [5.0])
    await time.advance(5)
    await until(lambda: len(asked(pbx, "Ping")) == 2)
    before = user.live.received
    await talker.wire.send(b"Event: Newstate\r\nUniqueid: 1.1\r\n\r\n")
    await until(lambda: user.live.received > before)
    await time.advance(5)
    assert client.state.state == "connected"


async def test_a_user_that_falls_behind_loses_the_connection_on_purpose_and_no_event_before_that(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    client = make_client(queue_limit=50)
    await connected(client)
    await pbx.listeners(1)
    await until(lambda: len(user.events) == 1)
    user.work.clear()
    await pbx.send([("Event", "Newstate"), ("Number", "first")])  # the user takes this one, then is busy
    await pbx.listeners(1)
    for number in range(200):
        await pbx.send([("Event", "Newstate"), ("Number", str(number))])
        if user.live._error is not None:
            break
    await until(lambda: user.live._error is not None)
    user.work.set()
    assert "waited to be worked on" in await failed(client)
    assert isinstance(user.ends[0], AmiOverflow)
    numbers = [event["Number"] for event in user.events if "Number" in event]
    assert numbers == ["first", *map(str, range(len(numbers) - 1))]
    assert len(numbers) > 50
    await time.advance(1)
    await connected(client, sessions=2)


async def test_a_session_that_lasted_is_taken_up_again_at_once_however_often(
    make_client: Make, pbx: PbxServer, time: FakeTime
) -> None:
    client = make_client()
    for session in range(1, 5):
        await connected(client, session)
        await time.advance(4)  # below a ping
        time.seconds += 30
        pbx.cut()
        await until(lambda: time.slept[-1:] == [1.0])
        await time.advance(1)


async def test_sessions_that_are_cut_at_once_do_not_storm(make_client: Make, pbx: PbxServer, time: FakeTime) -> None:
    pbx.mischief = Mischief(cut_after_login=True)
    client = make_client()
    for session, pause in enumerate([1, 2, 4, 8, 16, 30, 30], start=1):
        await until(lambda expected=pause: time.slept[-1:] == [expected])  # type: ignore[misc]
        assert client.sessions == session
        await time.advance(pause)


async def test_a_bug_in_the_work_is_logged_and_the_connection_comes_back(
    pbx: PbxServer, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(connection: AmiConnection) -> None:
        raise RuntimeError("a bug")

    address = AmiAddress(host="127.0.0.1", port=pbx.port, username="leadgate", secret="hunter2")
    client = AmiClient(address, broken, clock=time, sleep=time.sleep, chance=lambda: 0.0)
    task = asyncio.create_task(client.run())
    assert "error of our own" in await failed(client)
    await time.advance(1)
    await until(lambda: client.sessions == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [record.levelno for record in caplog.records if record.exc_info][:1] == [logging.ERROR]


# -- bad bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\xff\xfe garbage without end of line" * 10 + b"\r\n\r\n",
        b"no colon\r\n: empty\r\n\r\n",
        b"Event: Huge\r\nHeader: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"Response: Success\r\nActionID: nobody's\r\n\r\n",
        b"Event: CoreShowChannelsComplete\r\nEventList: Complete\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
    ],
    ids=["garbage", "no-headers", "1-MB-header", "nobodys-answer", "nobodys-list", "empty-lines"],
)
async def test_junk_between_messages_costs_nothing_after_it(
    make_client: Make, pbx: PbxServer, user: User, junk: bytes
) -> None:
    pbx.mischief = Mischief(after_login=junk + AFTER)
    client = make_client()
    await until(lambda: any(event.get("Number") == "after" for event in user.events))
    assert await user.live.action("Ping")
    assert client.state.state == "connected"


async def test_half_a_message_before_a_cut_is_no_message(
    make_client: Make, pbx: PbxServer, user: User, time: FakeTime
) -> None:
    pbx.mischief = Mischief(after_login=AFTER + b"Event: Hangup\r\nUniqueid: 1", cut_after_login=True)
    client = make_client()
    assert "closed the connection" in await failed(client)
    assert [event["Event"] for event in user.events] == ["FullyBooted", "Newstate"]


@pytest.mark.parametrize("count", [1, 29, 30, 60, 100, 150, 200])
async def test_a_cut_at_any_byte_of_the_login_is_survived(
    make_client: Make, pbx: PbxServer, time: FakeTime, count: int
) -> None:
    pbx.mischief = Mischief(cut_after=count)
    client = make_client()
    await failed(client)
    pbx.mischief = Mischief()
    await time.advance(1)
    await until(lambda: client.state.state == "connected")
