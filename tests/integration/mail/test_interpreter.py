"""Letters are read in processes of their own, which may die without harm."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.types import Direction, Draft, Handle, HandleKind, Kind
from gateway.mail.interpreter import MailInterpreter
from tests.unit.mail.letters import letter_bytes

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
META = {"mail_from": "ivan@mail.ru", "rcpt_to": ["sales@firm.ru"]}
RAW = letter_bytes("Нужны окна, 8 926 123-45-67", **{"from": "Иван <ivan@mail.ru>"})
IVAN = Handle(HandleKind.EMAIL, "ivan@mail.ru")


@pytest_asyncio.fixture
async def letters() -> AsyncIterator[MailInterpreter]:
    interpreter = MailInterpreter(region="RU", own_addresses=["sales@firm.ru"], own_domains=["firm.ru"], workers=2)
    await interpreter.start()
    yield interpreter
    await interpreter.stop()


def _children() -> list[int]:
    """Process ids of the readers that are alive."""
    own = os.getpid()
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            command = (entry / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if int(fields[1]) == own and fields[0] != "Z" and b"gateway.mail.reader" in command:
            pids.append(int(entry.name))
    return pids


def _is_whole(draft: Draft) -> bool:
    return draft.text == "Нужны окна, 8 926 123-45-67" and draft.handles[1].value == "+79261234567"


async def test_a_letter_becomes_a_draft(letters: MailInterpreter) -> None:
    draft = await letters.interpret(RAW, META, NOW)
    assert _is_whole(draft)
    assert (draft.direction, draft.kind, draft.line) == (Direction.INBOUND, Kind.MESSAGE, "sales@firm.ru")
    assert draft.handles[0] == IVAN
    assert letters.killed == 0


async def test_no_process_runs_before_the_first_letter_and_none_after_the_stop() -> None:
    interpreter = MailInterpreter(region="RU", workers=2)
    await interpreter.start()
    assert _children() == []
    await asyncio.gather(*(interpreter.interpret(RAW, META, NOW) for _ in range(8)))
    assert 1 <= len(_children()) <= 2
    await interpreter.stop()
    assert _children() == []


async def test_many_letters_at_once_are_answered_each_with_its_own(letters: MailInterpreter) -> None:
    raws = [letter_bytes(f"Письмо {number}") for number in range(200)]
    drafts = await asyncio.gather(*(letters.interpret(raw, META, NOW) for raw in raws))
    assert [draft.text for draft in drafts] == [f"Письмо {number}" for number in range(200)]


async def test_a_reader_killed_between_letters_is_replaced(letters: MailInterpreter) -> None:
    await letters.interpret(RAW, META, NOW)
    for pid in _children():
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)  # the kernel's news of the death travels through the loop
    assert _is_whole(await letters.interpret(RAW, META, NOW))


def _reader_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str) -> None:
    """Puts a script in the place of Python: it says that it is ready, takes the letter, and misbehaves."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nprintf '\\0\\0\\0\\0'\n{behaviour}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("gateway.mail.interpreter.sys.executable", str(script))


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("head -c 20 >/dev/null; kill -9 $$", "its reader ended (signal 9)"),
        ("head -c 20 >/dev/null; exit 1", "its reader ended (out of memory)"),
        ("exec sleep 60", "it took longer than 0.5 seconds"),
        ("head -c 20 >/dev/null; printf '\\377\\377\\377\\377'; exec sleep 60", "its answer was too long"),
        ("head -c 20 >/dev/null; printf '\\0\\0\\0\\2{{'; exec sleep 60", "its reader gave no readable answer"),
    ],
)
async def test_a_letter_that_its_reader_does_not_survive_still_gives_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, reason: str
) -> None:
    _reader_that(tmp_path, monkeypatch, behaviour)
    patience = 0.5 if "longer than" in reason else 30.0  # a busy machine must not make every death a time-out
    interpreter = MailInterpreter(region="RU", own_domains=["firm.ru"], wall_seconds=patience)
    draft = await interpreter.interpret(RAW, META, NOW)
    await interpreter.stop()
    assert draft.handles == (IVAN,)
    assert draft.subject == "Вопрос"
    assert draft.problems == (
        f"The letter could not be read whole: {reason}. Only its headers are shown; the raw letter is kept.",
    )
    assert interpreter.killed == 1


async def test_a_reader_that_cannot_be_started_still_gives_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mail.interpreter.sys.executable", str(tmp_path / "missing"))
    interpreter = MailInterpreter(region="RU")
    draft = await interpreter.interpret(RAW, META, NOW)
    assert draft.handles == (IVAN,)
    assert "no reader could be started" in draft.problems[0]


async def test_a_reader_that_ends_at_its_start_still_gives_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o700)
    monkeypatch.setattr("gateway.mail.interpreter.sys.executable", str(script))
    draft = await MailInterpreter(region="RU").interpret(RAW, META, NOW)
    assert draft.handles == (IVAN,)
    assert "no reader could be started" in draft.problems[0]


async def test_a_letter_of_40_mb_is_read_within_the_memory_of_a_reader(letters: MailInterpreter) -> None:
    line = b"QUJD" * 19 + b"\r\n"
    raw = letter_bytes(line * 500_000, content_type="application/zip", content_transfer_encoding="base64")
    draft = await letters.interpret(raw, META, NOW)
    assert [file.size for file in draft.attachments] == [28_500_000]
    assert draft.problems == ()


async def test_memory_and_files_of_a_reader_are_bounded(letters: MailInterpreter) -> None:
    await letters.interpret(RAW, META, NOW)
    (pid,) = _children()
    limits = Path(f"/proc/{pid}/limits").read_text()
    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max address space"][0] == str(512 * 1024 * 1024)
    assert rows["Max file size"][0] == "0"
    assert int(rows["Max cpu time"][0]) <= 12


async def test_the_environment_of_the_gateway_does_not_reach_a_reader(
    letters: MailInterpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADGATE_PBX__SECRET", "canary")
    await letters.interpret(RAW, META, NOW)
    (pid,) = _children()
    assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_stop_waits_for_the_letter_being_read() -> None:
    interpreter = MailInterpreter(region="RU", workers=1)
    reading = asyncio.create_task(interpreter.interpret(RAW, META, NOW))
    await asyncio.sleep(0)
    await interpreter.stop()
    assert _is_whole(await reading)
    assert _children() == []
