"""Moving letters on servers that know less than others: nothing is removed that was not copied."""

from __future__ import annotations

from typing import Any

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from gateway.mail.imap.deeds import DeedRefused, act


class Client:
    """Records what it is told to do."""

    def __init__(self, *capabilities: str, fails: str = "", error: Exception | None = None) -> None:
        self.capabilities = capabilities
        self.fails = fails
        self.error = error or IMAPClientError("[TRYCREATE] no such folder")
        self.done: list[tuple[Any, ...]] = []

    def has_capability(self, name: str) -> bool:
        return name in self.capabilities

    def select_folder(self, folder: str) -> dict[bytes, int]:
        self.done.append(("select", folder))
        return {b"UIDVALIDITY": 7}

    def __getattr__(self, name: str) -> Any:
        def command(*arguments: Any, **_options: Any) -> None:
            if name == self.fails:
                raise self.error
            self.done.append((name, *arguments))

        return command


def test_move_is_one_command_where_the_server_knows_it() -> None:
    client = Client("MOVE", "UIDPLUS")
    act(client, "INBOX", 7, [1, 2], "move:Done")
    assert client.done == [("select", "INBOX"), ("move", [1, 2], "Done")]


def test_without_move_only_what_was_copied_is_expunged() -> None:
    client = Client("UIDPLUS")
    act(client, "INBOX", 7, [1, 2], "move:Done")
    assert client.done[1:] == [
        ("copy", [1, 2], "Done"),
        ("add_flags", [1, 2], ["\\Deleted"]),
        ("uid_expunge", [1, 2]),
    ]


def test_copy_that_fails_deletes_nothing() -> None:
    client = Client("UIDPLUS", fails="copy")
    with pytest.raises(DeedRefused, match="TRYCREATE"):
        act(client, "INBOX", 7, [1], "move:Done")
    assert client.done == [("select", "INBOX")]


def test_server_that_can_only_expunge_everything_is_not_asked_to() -> None:
    client = Client()
    with pytest.raises(DeedRefused, match="can't move"):
        act(client, "INBOX", 7, [1], "move:Done")
    assert client.done == [("select", "INBOX")]


def test_numbers_that_mean_something_else_now_are_left_alone() -> None:
    client = Client("MOVE")
    act(client, "INBOX", 8, [1], "seen")
    assert client.done == [("select", "INBOX")]


def test_broken_connection_is_no_refusal() -> None:
    client = Client("MOVE", fails="add_flags", error=IMAPClientAbortError("socket error"))
    with pytest.raises(IMAPClientAbortError):
        act(client, "INBOX", 7, [1], "seen")


def test_many_letters_are_marked_in_commands_that_are_not_too_long() -> None:
    client = Client()
    act(client, "INBOX", 7, list(range(1, 1202)), "seen")
    assert [len(done[1]) for done in client.done[1:]] == [500, 500, 201]
