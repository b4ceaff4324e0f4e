"""The commands as people run them, on a real database; those about processes and signals in a process of their own."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from sqlalchemy import create_engine, insert

from gateway.__main__ import main
from gateway.core.clock import SystemClock, new_id
from gateway.storage.tables import Outbox
from tests.support.ports import free_port

HERE = Path(__file__).parent
RECORDINGS = HERE.parents[2] / "gateway" / "demo" / "recordings"
LETTER = b"From: Ivan <ivan@example.com>\r\nTo: info@example.org\r\nSubject: Price\r\n\r\nHow much?\r\n"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Leadgate = Callable[..., Done]


def environment() -> dict[str, str]:
    """Ours without settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LEADGATE_")}


@pytest.fixture
def leadgate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Leadgate]:
    """Run one command in an empty folder, in this process: starting one takes longer than most commands."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEADGATE_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def leadgate(*argv: str, stdin: str = "", **environ: str) -> Done:
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(stdin))
            for name, value in environ.items():
                patch.setenv(name, value)
            code = main(list(argv))
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    yield leadgate
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Done]:
    """Run one command in an empty folder, in a process of its own."""

    def process(*argv: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *argv],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return process


def objects(done: Done) -> list[Any]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_help_answers_quickly_because_no_room_is_loaded() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys; from gateway.cli import build_parser; build_parser(); print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"sqlalchemy", "aiohttp", "msgspec", "asyncio", "phonenumbers", "gateway.config", "gateway.app"}
    assert heavy.isdisjoint(loaded.stdout.split())
    subprocess.run([Path(sys.executable).with_name("leadgate"), "--help"], capture_output=True, check=True)


def test_init_writes_a_file_that_passes_check_and_is_not_overwritten(leadgate: Leadgate, tmp_path: Path) -> None:
    assert leadgate("init").returncode == 0
    file = tmp_path / "leadgate.toml"
    assert file.stat().st_mode & 0o077 == 0
    checked = leadgate("check")
    assert (checked.returncode, checked.stdout) == (0, "leadgate.toml: valid.\n")
    file.write_text("[log]\n")
    again = leadgate("init")
    assert (again.returncode, again.stdout) == (1, "")
    assert "leadgate init --force" in again.stderr
    assert file.read_text() == "[log]\n"
    assert leadgate("init", "--force").returncode == 0
    assert len(file.read_text()) > 1000


def test_init_into_a_folder_that_is_not_there_is_a_sentence(leadgate: Leadgate) -> None:
    done = leadgate("init", "--config", "none/leadgate.toml")
    assert (done.returncode, done.stderr) == (1, "leadgate: none/leadgate.toml: No such file or directory.\n")


def test_check_prints_every_error_with_line_and_ends_with_one(leadgate: Leadgate, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[gateway]\nregion = "RUS"\n[web]\npubic = "x"\n')
    done = leadgate("check", "--config", "bad.toml", LEADGATE_RETENTION__DAYS="many")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "error: bad.toml:2: gateway.region: 'RUS' is no two-letter country code. Write RU, KZ, DE, US, ...",
        "error: bad.toml:4: web.pubic: unknown key. Did you mean public?",
        'error: LEADGATE_RETENTION__DAYS: retention.days: must be a whole number, not the text "many".',
    ]
    assert done.stderr == ""


def test_check_warns_of_open_secrets(leadgate: Leadgate, tmp_path: Path) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_text("[storage]\nurl = 'postgresql://u:password1@h/d'\n")
    file.chmod(0o644)
    done = leadgate("check")
    assert done.returncode == 0
    assert "every user of this machine can read it. Run: chmod 640 leadgate.toml" in done.stdout
    file.chmod(0o640)
    assert "chmod" not in leadgate("check").stdout


@pytest.mark.parametrize("command", ["run", "demo", "migrate", "inspect mail x.eml"])
def test_a_bad_configuration_stops_every_command_with_two_and_no_traceback(
    process: Leadgate, tmp_path: Path, command: str
) -> None:
    (tmp_path / "bad.toml").write_text("[web\n")
    done = process(*command.split(), "--config", "bad.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("leadgate: bad.toml:1: is not valid TOML")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "migrate", "token list"])
def test_a_data_folder_that_can_not_be_written_is_named_with_the_way_out(
    leadgate: Leadgate, tmp_path: Path, command: str
) -> None:
    (tmp_path / "file").touch()
    done = leadgate(*command.split(), "--data", "file/below")
    assert done.returncode == 2
    assert str(tmp_path / "file" / "below") in done.stderr
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_makes_the_database_and_says_so_twice_differently(leadgate: Leadgate, tmp_path: Path) -> None:
    first, second = leadgate("migrate", "--data", "d"), leadgate("migrate", "--data", "d")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "from schema none to" in first.stderr
    assert "already" in second.stderr
    assert (tmp_path / "d" / "leadgate.db").exists()
    assert (tmp_path / "d").stat().st_mode & 0o007 == 0


def test_a_person_is_added_signs_in_by_link_and_is_locked_out(leadgate: Leadgate) -> None:
    added = leadgate("user", "add", "анна", "--name", "Анна", "--role", "chief", "--extension", "101", "--json")
    (person,) = objects(added)
    assert (person["login"], person["name"], person["role"]) == ("анна", "Анна", "chief")
    assert person["link"].startswith("http://127.0.0.1:8080/setup/")
    again = leadgate("user", "add", "анна")
    assert (again.returncode, again.stdout) == (1, "")
    assert "анна" in again.stderr
    assert leadgate("user", "password", "анна", stdin="correct horse battery\n").returncode == 0
    (listed,) = objects(leadgate("user", "list", "--json"))
    facts = [(user["login"], user["has_password"], user["extensions"]) for user in listed["users"]]
    assert facts == [("анна", True, ["101"])]
    link = leadgate("user", "password", "анна", "--link")
    assert link.stdout.startswith("http://127.0.0.1:8080/setup/")
    assert leadgate("user", "disable", "анна").returncode == 0
    assert "disabled" in leadgate("user", "list").stdout


@pytest.mark.parametrize(("password", "words"), [("", "no password"), ("short\n", "at least")])
def test_a_password_that_does_not_serve_changes_nothing(leadgate: Leadgate, password: str, words: str) -> None:
    leadgate("user", "add", "anna")
    done = leadgate("user", "password", "anna", stdin=password)
    assert done.returncode == 1
    assert words in done.stderr
    assert "no password yet" in leadgate("user", "list").stdout


def test_a_token_is_shown_once_and_revoked(leadgate: Leadgate) -> None:
    (made,) = objects(leadgate("token", "add", "site", "--json"))
    assert set(made) == {"name", "token"}
    plain = leadgate("token", "add", "shop")
    assert len(plain.stdout.strip()) >= 40
    listed = leadgate("token", "list", "--json")
    assert [token["name"] for token in objects(listed)[0]["tokens"]] == ["shop", "site"]
    assert made["token"] not in listed.stdout + leadgate("token", "list").stdout
    assert leadgate("token", "revoke", "site").returncode == 0
    missing = leadgate("token", "revoke", "none")
    assert (missing.returncode, missing.stderr) == (1, 'leadgate: There is no token "none".\n')


def test_the_outbox_is_listed_shown_held_retried_and_dropped(leadgate: Leadgate, tmp_path: Path) -> None:
    assert objects(leadgate("outbox", "list", "--json")) == [{"deliveries": [], "on_hold": {}}]
    fill_outbox(tmp_path / "data")
    (listed,) = objects(leadgate("outbox", "list", "--json"))
    assert [(one["id"], one["state"]) for one in listed["deliveries"]] == [(2, "waiting"), (1, "waiting")]
    (shown,) = objects(leadgate("outbox", "show", "1", "--json"))
    assert (shown["payload"], shown["tries"]) == ({"text": "привет"}, [])
    assert "привет" in leadgate("outbox", "show", "1").stdout
    assert objects(leadgate("outbox", "hold", "1", "--reason", "wait", "--json")) == [{"changed": 1}]
    assert "wait" in leadgate("outbox", "list", "--state", "held").stdout
    assert objects(leadgate("outbox", "release", "1", "--json")) == [{"changed": 1}]
    assert objects(leadgate("outbox", "drop", "2", "--json")) == [{"changed": 1}]
    assert objects(leadgate("outbox", "retry", "2", "--json")) == [{"changed": 1}]
    assert leadgate("outbox", "retry", "--all").returncode == 0
    assert leadgate("outbox", "hold", "--crm", "own", "--reason", "moving").returncode == 0
    (listed,) = objects(leadgate("outbox", "list", "--json"))
    assert listed["on_hold"] == {"own": "moving"}
    assert leadgate("outbox", "release", "--crm", "own").returncode == 0


def fill_outbox(data: Path) -> None:
    """Two deliveries to one CRM."""
    now = SystemClock().now()
    engine = create_engine(f"sqlite:///{data / 'leadgate.db'}")
    row = {"crm": "own", "event_type": "lead.created", "order_key": "x", "payload": {"text": "привет"}, "due_at": now}
    with engine.begin() as connection:
        for _ in range(2):
            connection.execute(insert(Outbox).values(**row, message_id=new_id(), created_at=now, updated_at=now))
    engine.dispose()


@pytest.mark.parametrize("argv", ["outbox retry", "outbox hold", "outbox release 1 --crm own", "outbox retry 1 --all"])
def test_an_outbox_command_that_names_nothing_or_two_things_is_wrong_usage(leadgate: Leadgate, argv: str) -> None:
    done = leadgate(*argv.split())
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("argv", ["outbox show 7", "outbox drop 7", "outbox retry 7"])
def test_a_delivery_that_is_not_there_is_said(leadgate: Leadgate, argv: str) -> None:
    done = leadgate(*argv.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert "leadgate outbox list" in done.stderr


def test_inspect_mail_names_what_it_can_not_read_and_goes_on(leadgate: Leadgate, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(LETTER)
    (tmp_path / "b.eml").write_bytes(b"\x00\xff garbage")
    done = leadgate("inspect", "mail", "a.eml", "none.eml", ".", "b.eml")
    assert done.returncode == 1
    records = objects(done)
    assert [record["file"] for record in records] == ["a.eml", "b.eml"]
    assert (records[0]["from"]["email"], records[0]["subject"]) == ("ivan@example.com", "Price")
    assert done.stderr.splitlines() == [
        "leadgate: none.eml: can't be read: No such file or directory.",
        "leadgate: .: can't be read: Is a directory.",
    ]


def test_inspect_ami_tells_one_call_a_line_and_names_what_is_no_recording(leadgate: Leadgate, tmp_path: Path) -> None:
    (tmp_path / "none.ami").write_bytes(b"not an AMI stream")
    recording = next(file for file in sorted(RECORDINGS.rglob("*")) if file.suffix in (".ami", ".json"))
    done = leadgate("inspect", "ami", "--region", "RU", "none.ami", str(recording))
    assert done.returncode == 1
    records = objects(done)
    assert records
    assert {"file", "linkedid", "direction", "caller", "answered"} <= records[0].keys()
    assert {record["file"] for record in records} == {str(recording)}
    assert "none.ami" in done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_refuses_a_country_that_is_none(leadgate: Leadgate) -> None:
    done = leadgate("inspect", "mail", "--region", "XX", "a.eml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--region" in done.stderr


def test_a_reader_that_has_enough_is_no_error_to_speak_of(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(LETTER)
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "inspect", "mail", *["a.eml"] * 400],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert said == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_serves_and_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    web, smtp = free_port(), free_port()
    listen = {
        "LEADGATE_WEB__PUBLIC": f"127.0.0.1:{web}",
        "LEADGATE_WEB__PRIVATE": f"127.0.0.1:{web}",
        "LEADGATE_SMTP__LISTEN": f"127.0.0.1:{smtp}",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", "--data", "d"],
        cwd=tmp_path,
        env=environment() | listen,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        health = wait_for(f"http://127.0.0.1:{web}/health", process)
        assert isinstance(health, dict)
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert out == b""
    log = [json.loads(line) for line in err.decode().splitlines() if line.startswith("{")]
    assert {"started", "stopped"} <= {entry.get("action") for entry in log}


def wait_for(address: str, process: subprocess.Popen[bytes]) -> Any:
    """The JSON at ``address`` as soon as the process serves it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(f"not served: {process.communicate()[1].decode()}")
