"""Recording a live PBX into a file that tells the same calls."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Recording
from gateway.telephony.ami.errors import AmiClosed, LoginRefused
from gateway.telephony.inspect import inspect_ami
from gateway.telephony.masking import Masker
from gateway.telephony.settings import PbxSettings
from gateway.telephony.tape import Tape, record
from tests.support.ports import LOOPBACK
from tests.unit.telephony.fakes import FakeTime, until

FAST = float("inf")


def settings_of(pbx: PbxServer, **changes: str) -> PbxSettings:
    table = {"name": "office", "host": LOOPBACK, "port": pbx.port, "username": "leadgate", "secret": "hunter2"}
    return PbxSettings(**{**table, **changes})  # type: ignore[arg-type] # the table is of mixed types


async def taped(pbx: PbxServer, recording: Recording, path: Path, tape: Tape) -> None:
    """Play a call while it is recorded, for one second of a clock that the test moves."""
    time = FakeTime()
    task = asyncio.create_task(record(settings_of(pbx), tape, clock=SystemClock(), seconds=1.0, sleep=time.sleep))
    await pbx.listeners(1)
    await until(lambda: any(action["Action"] == "QueueStatus" for action in pbx.actions))
    await pbx.play(recording, speed=FAST)
    await until(lambda: tape.written >= len(recording.events))
    await time.advance(1.5)
    await task


async def test_a_live_call_is_on_the_tape_and_told_from_it(
    pbx: PbxServer, recording: Recording, tmp_path: Path
) -> None:
    full, masked = tmp_path / "full.ami", tmp_path / "masked.ami"
    mask = Masker("RU")
    with full.open("wb") as file:
        await taped(pbx, recording, full, Tape(file, dict))
    with masked.open("wb") as file:
        await taped(pbx, recording, masked, Tape(file, mask.message))
    (true,) = inspect_ami([full], region="RU")
    (told,) = inspect_ami([masked], region="RU")
    assert told["outcome"] == true["outcome"] == "answered"
    assert told["caller"] == mask.numbers(true["caller"]) != true["caller"]
    assert true["caller"][-7:].encode() not in masked.read_bytes()
    assert [told[key] for key in ("answered_by", "rang", "wait_seconds")] == [
        true[key] for key in ("answered_by", "rang", "wait_seconds")
    ]


async def test_calls_that_are_open_at_the_beginning_are_on_the_tape(pbx: PbxServer) -> None:
    await pbx.send([("Event", "Newchannel"), ("Channel", "PJSIP/trunk-00000001"), ("ChannelState", "4"),
                    ("CallerIDNum", "79261234567"), ("Context", "from-trunk"), ("Exten", "74950000101"),
                    ("Uniqueid", "1795308174.1"), ("Linkedid", "1795308174.1")])  # fmt: skip
    file = io.BytesIO()
    await record(settings_of(pbx), Tape(file, dict), clock=SystemClock(), seconds=0.05)
    assert b"Event: CoreShowChannel\r\n" in file.getvalue()
    assert b"1795308174.1" in file.getvalue()


async def test_events_without_a_time_get_that_of_their_arrival() -> None:
    file = io.BytesIO()
    at = SystemClock().now()
    Tape(file, dict).write([{"Event": "X"}, {"Event": "Y", "Timestamp": "1.5"}], at)
    assert file.getvalue().decode() == (
        f"Event: X\r\nTimestamp: {at.timestamp():.6f}\r\n\r\nEvent: Y\r\nTimestamp: 1.5\r\n\r\n"
    )


async def test_a_wrong_secret_is_said(pbx: PbxServer) -> None:
    with pytest.raises(LoginRefused):
        await record(settings_of(pbx, secret="wrong"), Tape(io.BytesIO(), dict), clock=SystemClock(), seconds=1)


async def test_a_pbx_that_hangs_up_ends_the_recording_with_what_was_heard(pbx: PbxServer) -> None:
    file = io.BytesIO()
    tape = Tape(file, dict)
    task = asyncio.create_task(record(settings_of(pbx), tape, clock=SystemClock(), seconds=30))
    await until(lambda: any(action["Action"] == "QueueStatus" for action in pbx.actions))
    await pbx.send([("Event", "Hangup"), ("Uniqueid", "1.1")])
    await until(lambda: b"Hangup" in file.getvalue())
    pbx.cut()
    with pytest.raises(AmiClosed):
        await task


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose PBX runs in a thread of its own, as the command has the loop of this one."""
    ready, done = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        server = PbxServer(username="leadgate", secret="hunter2", clock=SystemClock())
        await server.start()
        ports.append(server.port)
        ready.set()
        await asyncio.to_thread(done.wait, 30)
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    config = tmp_path / "leadgate.toml"
    table = (
        f'[[pbx]]\nname = "office"\nhost = "{LOOPBACK}"\nport = {ports[0]}\nusername = "leadgate"\nsecret = "hunter2"\n'
    )
    config.write_text(table, encoding="utf-8")
    yield config
    done.set()
    thread.join(10)


def test_the_command_writes_a_file_for_its_owner_only_and_overwrites_none(
    served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bug.ami"
    words = ["record", "ami", str(file), "--config", str(served), "--seconds", "0.2"]
    assert main(words) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert "events written" in capsys.readouterr().err
    assert main(words) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "words", "said"), [("", [], "no [[pbx]]"), (None, ["--pbx", "depot"], "there are: office")]
)
def test_a_pbx_that_is_not_configured_is_told(
    served: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str | None, words: list[str], said: str
) -> None:
    if table is not None:
        served.write_text(table, encoding="utf-8")
    assert main(["record", "ami", str(tmp_path / "x.ami"), "--config", str(served), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x.ami").exists()
