"""[[mailbox]]: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.mail.settings import MailboxSettings

GOOD: dict[str, Any] = {
    "name": "info",
    "host": "imap.example.com",
    "username": "Info@Example.com",
    "password": "s3cret",
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "a/b"}, "use letters, digits"),
        ({"host": " "}, "host is empty"),
        ({"username": "a\r\nb"}, "username"),
        ({"password": "a\nb"}, "password holds line breaks"),
        ({"tls": "off"}, "is unknown"),
        ({"tls": "none"}, "in the clear"),
        ({"port": 0}, "no port"),
        ({"folders": ()}, "at least one folder"),
        ({"folders": ("INBOX", "INBOX")}, "twice"),
        ({"sent_folder": "INBOX"}, "twice"),
        ({"folders": ("a\r\nb",)}, "at least one folder"),
        ({"since": "yesterday"}, 'neither "now", "all" nor a day'),
        ({"since": ""}, 'neither "now", "all" nor a day'),
        ({"max_size": 0}, "greater than zero"),
        ({"poll_seconds": -1}, "greater than zero"),
    ],
)
def test_wrong_value_is_refused_with_the_way_out(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        MailboxSettings(**(GOOD | changed))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("since", ["now", "all", "2026-01-31"])
def test_beginning_of_reading_is_now_a_day_or_everything(since: str) -> None:
    assert MailboxSettings(**GOOD, since=since).since == since


def test_sent_folder_is_read_too_and_the_first_folder_stays_first() -> None:
    mailbox = MailboxSettings(**GOOD, folders=("INBOX", "Leads"), sent_folder="Sent")
    assert mailbox.every_folder == ("INBOX", "Leads", "Sent")


@pytest.mark.parametrize(("username", "address"), [("Info@Example.com", "info@example.com"), ("info", None)])
def test_username_that_is_an_address_is_the_mailbox_own_one(username: str, address: str | None) -> None:
    assert MailboxSettings(**(GOOD | {"username": username})).address == address


def test_password_is_never_shown() -> None:
    mailbox = MailboxSettings(**GOOD)
    assert "s3cret" not in f"{mailbox!r} {mailbox}"


def test_without_tls_is_fine_on_the_loopback() -> None:
    assert MailboxSettings(**(GOOD | {"host": "127.0.0.1", "tls": "none"})).tls == "none"
