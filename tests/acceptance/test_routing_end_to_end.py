"""Callers on a real Asterisk with the dialplan that is shipped: each reaches his own manager, nobody is ever held."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.office import Office, all_ended
from tests.peers.asterisk.plays import AFTER_HOURS, FREEPBX, ROUTED, answered
from tests.peers.asterisk.server import AsteriskPair
from tests.peers.asterisk.stage import Stage
from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.peer("asterisk")

SECRET = "a-word-of-the-dialplan"
FREED_WITHIN = 2.5
"""Seconds after which a caller rings where he would have rung without Leadgate, whatever has become of it."""


@pytest.fixture(scope="module")
def pair() -> Iterator[AsteriskPair]:
    """A PBX of this file's own: its dialplan asks another gateway in each test."""
    started = AsteriskPair.start()
    yield started
    started.stop()


def keys(port: int, *people: str) -> str:
    """Lines of [[pbx]], and a manager for each ``login:extension``."""
    managers = "".join(
        f'[[manager]]\nid = "{login}"\nname = "{login.title()}"\nextensions = ["{extension}"]\n'
        for login, extension in (person.split(":") for person in people)
    )
    return f'agi_listen = "{LOOPBACK}:{port}"\nagi_secret = "{SECRET}"\n{managers}'


async def ask_at(office: Office, port: int) -> None:
    """The dialplan asks there from now on."""
    await office.judge.action("Setvar", Variable="LEADGATE_AGI", Value=f"agi://{LOOPBACK}:{port}/{SECRET}/route")


def ringing(office: Office, stage: Stage) -> list[str]:
    """The phones of the team that rang, in order, each time."""
    rang = [
        event["Channel"]
        for event in office.judge.events
        if event.get("Event") == "Newstate" and event.get("ChannelStateDesc") == "Ringing"
    ]
    return [name.split("-")[0].removeprefix("PJSIP/") for name in rang if name.startswith(f"PJSIP/{stage.team}")]


def seconds_until_ringing(office: Office, stage: Stage) -> float:
    """From the caller's arrival to the first telephone of the team that rang, by the PBX's own clock."""
    events = office.judge.events
    born = [event for event in events if event.get("Event") == "Newchannel" and "trunk" in event["Channel"]]
    came = next(event for event in born if event.get("CallerIDNum") == stage.caller)
    rang = [event for event in events if event.get("ChannelStateDesc") == "Ringing"]
    first = next(event for event in rang if event["Channel"].startswith(f"PJSIP/{stage.team}"))
    return float(first["Timestamp"]) - float(came["Timestamp"])


async def call(office: Office, stage: Stage, behaviour: int, count: int) -> dict[str, Any]:
    """The customer calls; the record of this call, the ``count``-th."""
    office.judge.events.clear()
    await stage.call_in(behaviour, talk=1.5)
    calls = await office.calls_when(all_ended(count), f"call {count} over")
    return calls[-1]


async def test_a_known_caller_rings_only_his_manager_or_who_stands_in(pair: AsteriskPair, tmp_path: Path) -> None:
    port, team, behaviour = free_port(), 70, ROUTED
    async with Office(pair, tmp_path, pbx_keys=keys(port, f"anna:{team}2", f"boris:{team}3")) as office:
        await office.open()
        await ask_at(office, port)
        stage = office.stage(team)
        await stage.behave(p1="ring", p2="answer:1:60", p3="answer:1:60")
        first = await call(office, stage, behaviour, 1)
        assert {first["caller"], first["answered_by"]} == {f"+{stage.caller}", stage.phone(2)}
        assert sorted(ringing(office, stage)) == [stage.phone(1), stage.phone(2)], "nobody knows him yet: all ring"
        [lead] = await office.leads()
        assert lead["manager"]["name"] == "Anna", "who answered keeps him"
        second = await call(office, stage, behaviour, 2)
        assert ringing(office, stage) == [stage.phone(2)]
        _matches(answered(stage, behaviour, by=2, rang=[stage.phone(2)]), second)
        assert second["manager"]["name"] == "Anna"
        away = ("--from", "2026-01-01", "--to", "2028-12-01", "--substitute", "boris")
        done = office.installation.run("absence", "add", "anna", *away)
        assert done.returncode == 0, done.stderr
        third = await call(office, stage, behaviour, 3)
        assert ringing(office, stage) == [stage.phone(3)]
        _matches(answered(stage, behaviour, by=3, rang=[stage.phone(3)]), third)
        [lead] = await office.leads()
        assert lead["manager"]["name"] == "Anna", "the substitute only stands in"


async def test_a_dialplan_that_never_asks_lets_its_callers_be_sent_to_their_manager(
    pair: AsteriskPair, tmp_path: Path
) -> None:
    team, behaviour = 74, AFTER_HOURS
    redirect = 'route = "redirect"\nroute_context = "from-internal"\n'
    anna = f'[[manager]]\nid = "anna"\nname = "Anna"\nextensions = ["{team}2"]\n'
    rule = '[[routing.rule]]\nname = "all"\ngive = "manager"\nto = ["anna"]\n'
    async with Office(pair, tmp_path, pbx_keys=f"{redirect}{anna}{rule}") as office:
        await office.open()
        stage = office.stage(team)
        await stage.behave(p2="answer:1:60")
        record = await call(office, stage, behaviour, 1)
        assert ringing(office, stage) == [stage.phone(2)], "the dialplan alone lets no phone ring"
        _matches(answered(stage, behaviour, by=2, rang=[stage.phone(2)]), record)
        await stage.behave(p3="answer:1:60")
        office.judge.events.clear()
        await stage.call_from(1, stage.phone(3), talk=1)
        await office.calls_when(all_ended(2), "a colleague's call over")
        assert ringing(office, stage) == [stage.phone(3)], "colleagues are not sent anywhere"


def spoken(*lines: str, pause: float = 0, ends: bool = True) -> Callable[..., Coroutine[Any, Any, None]]:
    """An AGI server that takes the question, waits, says these lines one by one, and closes or falls silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\n\n")
            await asyncio.sleep(pause)
            for line in lines:
                writer.write(f"{line}\n".encode())
                await reader.readline()
            if not ends:
                await asyncio.sleep(30)
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve


@asynccontextmanager
async def faulty_servers() -> AsyncIterator[dict[str, int]]:
    """What is wrong with a server, and its port."""
    ways = {
        "silent": spoken(ends=False),
        "slow": spoken('SET VARIABLE LEADGATE_EXTEN "999"', 'SET VARIABLE LEADGATE_OK "1"', pause=5),
        "closes": spoken(),
        "dies half-way": spoken('SET VARIABLE LEADGATE_EXTEN "999"'),
        "talks nonsense": spoken("HTTP/1.1 400 Bad Request", "EXEC", 'SET VARIABLE "'),
    }
    full = socket.create_server((LOOPBACK, 0), backlog=0)  # its queue is full: the kernel drops who knocks
    knocking = [socket.socket() for _ in range(4)]
    for knock in knocking:
        knock.setblocking(False)
        knock.connect_ex(full.getsockname())
    servers = {name: await asyncio.start_server(serve, LOOPBACK, 0) for name, serve in ways.items()}
    try:
        yield {
            **{name: server.sockets[0].getsockname()[1] for name, server in servers.items()},
            "dropped": full.getsockname()[1],
            "refused": free_port(),
        }
    finally:
        for each in (*knocking, full):
            each.close()
        for server in servers.values():
            server.close()


async def test_no_fault_of_a_server_holds_a_caller_or_sends_him_elsewhere(pair: AsteriskPair, tmp_path: Path) -> None:
    async with Office(pair, tmp_path) as office, faulty_servers() as ports:
        stages = {fault: office.stage(20 + number) for number, fault in enumerate(ports)}
        for fault, stage in stages.items():
            await ask_at(office, ports[fault])
            await stage.behave(p1="answer:1:60", p2="ring")
            await stage.call_in(ROUTED, talk=1)
            await stage.caller_channel()
            await office.judge.wait_for(lambda stage=stage: _asks(office, stage), f"{fault}: the question")  # type: ignore[misc]
        for fault, stage in stages.items():
            await stage.talking(1)
            assert sorted(ringing(office, stage)) == [stage.phone(1), stage.phone(2)], fault
            assert seconds_until_ringing(office, stage) < FREED_WITHIN, fault
        await office.quiet()


@pytest.mark.parametrize(("team", "behaviour"), [(30, ROUTED), (31, FREEPBX)], ids=["plain", "freepbx"])
async def test_an_answer_rings_the_manager_and_shows_the_name_of_the_contact(
    pair: AsteriskPair, tmp_path: Path, team: int, behaviour: int
) -> None:
    async with Office(pair, tmp_path) as office:
        stage = office.stage(team)
        manager = stage.phone(3)
        await office.judge.action("DBPut", Family=f"AMPUSER/{manager}", Key="device", Val=manager)
        await office.judge.action("DBPut", Family=f"DEVICE/{manager}", Key="dial", Val=f"PJSIP/{manager}")
        name = 'SET VARIABLE LEADGATE_NAME "Иван \\"Мастер\\""'
        said = (f'SET VARIABLE LEADGATE_EXTEN "{manager}"', name, 'SET VARIABLE LEADGATE_OK "1"')
        async with await asyncio.start_server(spoken(*said), LOOPBACK, 0) as server:
            await ask_at(office, server.sockets[0].getsockname()[1])
            await stage.behave(p3="answer:1:60")
            await stage.call_in(behaviour, talk=1)
            await stage.talking(3)
            assert ringing(office, stage) == [manager]
            shown = {event.get("ConnectedLineName") for event in office.judge.events if _is_of(event, manager)}
            assert 'Иван \\"Мастер\\"' in shown, "AMI writes quotes so"
            await office.quiet()


def _asks(office: Office, stage: Stage) -> bool:
    """Whether the channel on which the dialplan asks for this caller is there."""
    return any(
        "leadgate-ask" in event.get("Channel", "") and event.get("CallerIDNum") == stage.caller
        for event in office.judge.events
    )


def _is_of(event: dict[str, str], phone: str) -> bool:
    return event.get("Channel", "").startswith(f"PJSIP/{phone}-")


async def test_a_gateway_that_is_stopped_holds_no_caller(pair: AsteriskPair, tmp_path: Path) -> None:
    port = free_port()
    async with Office(pair, tmp_path, pbx_keys=keys(port, "anna:723")) as office:
        await office.open()
        await ask_at(office, port)
        stage = office.stage(72)
        await stage.behave(p1="answer:1:60", p2="ring")
        assert office.gateway is not None
        process = office.gateway._process.pid
        os.kill(process, signal.SIGSTOP)
        try:
            office.judge.events.clear()
            await stage.call_in(ROUTED, talk=1.5)
            await stage.talking(1)
            assert seconds_until_ringing(office, stage) < FREED_WITHIN
            await office.quiet()
        finally:
            os.kill(process, signal.SIGCONT)
        [record] = await office.calls_when(all_ended(1), "the call that nobody watched")
        _matches(answered(stage, ROUTED, by=1), record)


def _matches(truth: dict[str, Any], record: dict[str, Any]) -> None:
    assert {field: record[field] for field in truth} == truth
