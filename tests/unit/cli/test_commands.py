"""Help, exit codes and documentation of all commands."""
# ruff: noqa: E501 - what is said stands on one line, as people read it

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import __version__
from gateway.__main__ import main
from gateway.cli import _guarded, build_parser
from gateway.core.errors import ConfigError, LeadgateError, StoreUnavailable

DOCS = Path(__file__).parents[3] / "docs" / "commands.md"


def every_command(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command that can be run, by its whole name."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name.strip(), parser
    for group in groups:
        for word, below in group.choices.items():
            yield from every_command(below, f"{name} {word}")


COMMANDS = dict(every_command(build_parser()))


def run(*argv: str) -> int:
    """The exit code, also where argparse ends the program."""
    try:
        return main(list(argv))
    except SystemExit as ended:
        return int(ended.code or 0)


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(COMMANDS) == {
        "run", "demo", "init", "check", "migrate", "doctor", "record ami", "inspect ami", "inspect mail", "import cdr", "import mail", "import contacts", "import spend", "export leads", "export calls",
        "export contacts", "recompute calls", "recompute hours",
        "forms log", "forms show", "forms replay", "mailbox authorize",
        "route explain", "absence add", "absence list", "absence remove",
        "user add", "user list", "user password", "user disable", "user no-factor", "token add", "token list", "token revoke",
        "callbacks list", "callbacks show", "callbacks claim", "callbacks release", "callbacks assign",
        "callbacks snooze", "callbacks attempt", "callbacks note", "callbacks close", "callbacks reopen",
        "callbacks undo", "callbacks call",
        "recordings list", "recordings retry", "recordings confirm",
        "erase", "purge", "audit list", "audit verify", "backup", "restore",
        "outbox list", "outbox show", "outbox retry", "outbox replay", "crm check", "outbox hold", "outbox release", "outbox drop",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example_that_is_valid(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*command.split(), "--help") == 0
    said = capsys.readouterr().out
    examples = [line.strip() for line in said.splitlines() if line.strip().startswith(f"leadgate {command}")]
    assert examples
    for example in examples:
        words = shlex.split(re.split(r" (?:&&|\|) ", example)[0])
        build_parser().parse_args(words[1:])
    assert "--config" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_and_each_of_its_options_is_documented(command: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    row = re.search(rf"(?m)^\| `leadgate {command}` \| (.+) \|$", text)
    assert row, f"docs/commands.md does not explain leadgate {command}"
    for action in COMMANDS[command]._actions:
        for option in action.option_strings:
            assert f"`{option}" in text or option in ("-h", "--help", "--reason"), option


def test_the_documentation_names_no_command_that_does_not_exist() -> None:
    documented = re.findall(r"(?m)^\| `leadgate ([a-z -]+)`", DOCS.read_text(encoding="utf-8"))
    assert sorted(documented) == sorted(COMMANDS)


@pytest.mark.parametrize("group", ["user", "token", "outbox", "callbacks"])
def test_commands_on_stored_things_take_data_and_json(group: str) -> None:
    for name, parser in COMMANDS.items():
        if name.startswith(f"{group} "):
            options = {option for action in parser._actions for option in action.option_strings}
            assert {"--config", "--data", "--json"} <= options, name


@pytest.mark.parametrize(
    "argv",
    ["", "bogus", "user", "user add", "outbox show x", "outbox show 0", "outbox list --state odd", "run --conf x"],
)
def test_wrong_usage_ends_with_two_and_says_what_is_possible(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*argv.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage: leadgate")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"leadgate {__version__}\n"


ENDS: list[tuple[BaseException, int, str]] = [
    (ConfigError("a.toml:1: x: unknown key.\na.toml:2: y: unknown key."), 2, "leadgate: a.toml:1: x: unknown key.\nleadgate: a.toml:2: y: unknown key.\n"),
    (StoreUnavailable("The database is away."), 1, "leadgate: The database is away.\n"),
    (LeadgateError("named \x1b[2J"), 1, "leadgate: named \\u001b[2J\n"),
    (PermissionError(13, "Permission denied", "/x"), 1, "leadgate: /x: Permission denied.\n"),
    (KeyboardInterrupt(), 130, ""),
]  # fmt: skip


@pytest.mark.parametrize(("error", "code", "said"), ENDS, ids=[type(end[0]).__name__ for end in ENDS])
def test_what_goes_wrong_becomes_a_sentence_and_an_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    assert _guarded(fail, argparse.Namespace()) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), OSError("without a file"), BrokenPipeError(32, "Broken pipe", "/x")]
)
def test_a_fault_of_ours_is_not_hidden(error: Exception) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    with pytest.raises(type(error)):
        _guarded(fail, argparse.Namespace())
