"""The FastAGI server over real sockets: right answers, and an end for everything that is wrong or slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.core.clock import SystemClock
from gateway.core.errors import ConfigError
from gateway.telephony.agi import server as module
from gateway.telephony.agi.protocol import AgiQuestion
from gateway.telephony.agi.server import AgiServer
from gateway.telephony.settings import PbxSettings
from tests.support.patience import PATIENCE
from tests.support.ports import LOOPBACK, free_port

SECRET = "a-random-word"
VARIABLES = {"LEADGATE_EXTEN": "101", "LEADGATE_NAME": 'ООО "Ромашка"'}


class Rules:
    """What the server asks; a test says how it answers."""

    def __init__(self) -> None:
        self.asked: list[AgiQuestion] = []
        self.seconds = 0.0
        self.fails: Exception | None = None
        self.told: Mapping[str, str] | None = VARIABLES

    async def __call__(self, question: AgiQuestion) -> Mapping[str, str] | None:
        self.asked.append(question)
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise self.fails
        return self.told


def settings(**changes: Any) -> PbxSettings:
    usual = {"name": "office", "host": LOOPBACK, "username": "u", "secret": "s", "agi_listen": f"{LOOPBACK}:0",
             "agi_secret": SECRET}  # fmt: skip
    return PbxSettings(**(usual | changes))


@asynccontextmanager
async def serving(rules: Rules, **changes: Any) -> AsyncIterator[AgiServer]:
    server = AgiServer(settings(**changes), rules, SystemClock())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
async def server(rules: Rules) -> AsyncIterator[AgiServer]:
    async with serving(rules) as running:
        yield running


def question(secret: str = SECRET, path: str = "route", caller: str = "+79261234567") -> bytes:
    return (
        f"agi_network: yes\nagi_network_script: {secret}/{path}\nagi_callerid: {caller}\nagi_extension: 74950000101\n\n"
    ).encode()


async def ask(server: AgiServer, said: bytes, answer: bytes = b"200 result=1\n", *, pause: float = 0) -> list[bytes]:
    """What the server sends until it closes; each line is answered."""
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    lines = []
    try:
        writer.write(said)
        async with asyncio.timeout(PATIENCE):
            while line := await reader.readline():
                lines.append(line)
                await asyncio.sleep(pause)
                writer.write(answer)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return lines


async def test_the_answer_is_set_line_by_line_and_ok_comes_last(server: AgiServer, rules: Rules) -> None:
    assert await ask(server, question()) == [
        b'SET VARIABLE LEADGATE_EXTEN "101"\n',
        'SET VARIABLE LEADGATE_NAME "ООО \\"Ромашка\\""\n'.encode(),
        b'SET VARIABLE LEADGATE_OK "1"\n',
    ]
    assert (rules.asked[0].caller, rules.asked[0].dialled) == ("+79261234567", "74950000101")
    assert (server.answered, server.unanswered) == (1, 0)
    [health] = server.health()
    assert (health.name, health.ok, health.state) == ("agi:office", True, "listening")
    assert health.last_event_at is not None


WRONG: dict[str, bytes] = {
    "a wrong secret": question(secret="another"),
    "another path": question(path="other"),
    "no agi at all": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no script": b"agi_network: yes\n\n",
    "nothing": b"\n",
    "an endless line": b"agi_x: " + b"x" * 70_000,
    "too many lines": b"agi_x: y\n" * 200 + b"\n",
    "bytes of nobody": bytes(range(256)) * 20 + b"\n\n",
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_gets_no_answer_and_hurts_nobody(server: AgiServer, rules: Rules, said: bytes) -> None:
    assert await ask(server, said) == []
    assert rules.asked == []
    assert len(await ask(server, question())) == 3


async def test_the_secret_is_in_no_line_of_the_log(server: AgiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(server, question())
    await ask(server, question(path="other"))
    assert "wrong secret or path" in caplog.text
    assert SECRET not in caplog.text


async def test_a_header_that_never_ends_is_given_up(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEADER_SECONDS", 0.1)
    async with serving(rules) as server:
        assert await ask(server, b"agi_network: yes\n") == []
        assert await ask(server, b"") == []
        assert server.unanswered == 2


async def test_an_answer_that_takes_too_long_is_none(server: AgiServer, rules: Rules) -> None:
    """Trap 21."""
    rules.seconds = 3600
    assert await ask(server, question()) == []
    rules.seconds = 0
    assert len(await ask(server, question())) == 3


@pytest.mark.parametrize("fails", [RuntimeError("a bug"), ValueError("x"), KeyError("x")])
async def test_a_fault_of_ours_is_no_answer(server: AgiServer, rules: Rules, fails: Exception) -> None:
    rules.fails = fails
    assert await ask(server, question()) == []
    rules.fails = None
    assert len(await ask(server, question())) == 3


async def test_nothing_known_is_no_answer(server: AgiServer, rules: Rules) -> None:
    rules.told = None
    assert await ask(server, question()) == []
    rules.told = {"LEADGATE_NAME": "a\nEXEC System rm"}
    assert await ask(server, question()) == [], "a value that is two commands is none, and neither are the others"


@pytest.mark.parametrize(
    "answer",
    [b"511 Command Not Permitted on a dead channel\n", b"510 Invalid or unknown command\n",
     b"520-Usage\nSET VARIABLE\n520 End of proper usage.\n"],
)  # fmt: skip
async def test_a_caller_who_has_hung_up_ends_it(server: AgiServer, answer: bytes) -> None:
    assert len(await ask(server, question(), answer)) == 1
    assert server.answered == 0


async def test_a_hangup_between_the_lines_is_read_over(server: AgiServer) -> None:
    """Trap 21."""
    assert len(await ask(server, question(), b"HANGUP\n200 result=1\n")) == 3


async def test_a_pbx_that_closes_or_falls_silent_is_left(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_SECONDS", 0.1)
    async with serving(rules) as server:
        _, writer = await asyncio.open_connection(LOOPBACK, server.port)
        writer.write(question())
        writer.transport.abort()
        assert len(await ask(server, question(), b"", pause=0)) == 1
        monkeypatch.setattr(module, "REPLY_SECONDS", 2.0)
        assert len(await ask(server, question())) == 3


async def test_of_too_many_at_once_the_last_are_sent_away(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 22."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    async with serving(rules) as server:
        held = [await asyncio.open_connection(LOOPBACK, server.port) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert await ask(server, question()) == []
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        assert len(await ask(server, question())) == 3


async def test_two_hundred_callers_at_once_are_all_answered(server: AgiServer) -> None:
    answers = await asyncio.gather(*(ask(server, question()) for _ in range(150)))
    assert {len(answer) for answer in answers} == {3}


async def test_only_the_pbx_and_this_machine_may_ask(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 22."""
    monkeypatch.setattr(module, "LOOPBACK", ())
    async with serving(rules, agi_allow=("10.9.9.9",)) as server:
        assert await ask(server, question()) == []
    async with serving(rules, agi_allow=("127.0.0.0/8",)) as server:
        assert len(await ask(server, question())) == 3
    async with serving(rules) as server:  # the host of the PBX
        assert len(await ask(server, question())) == 3


async def test_a_port_that_is_taken_is_said_with_the_key_to_change(rules: Rules) -> None:
    port = free_port()
    async with serving(rules, agi_listen=f"{LOOPBACK}:{port}"):
        other = AgiServer(settings(agi_listen=f"{LOOPBACK}:{port}"), rules, SystemClock())
        with pytest.raises(ConfigError, match=r"taken.*agi_listen of \[\[pbx\]\] office"):
            await other.start()
        assert not other.health()[0].ok
        await other.stop()


async def test_a_stop_leaves_no_caller_waiting(rules: Rules) -> None:
    rules.seconds = 5
    async with serving(rules) as server:
        waiting = asyncio.create_task(ask(server, question()))
        while not rules.asked:
            await asyncio.sleep(0.01)
    assert await waiting == []
