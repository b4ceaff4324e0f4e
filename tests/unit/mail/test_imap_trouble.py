"""What people read when a mailbox can't be read."""

from __future__ import annotations

import socket
import ssl

import pytest
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, LoginError, ProtocolError

from gateway.core.errors import NotDurable
from gateway.mail.imap.trouble import Dropped, trouble_of, words_of
from gateway.mail.settings import MailboxSettings

SETTINGS = MailboxSettings(name="sales", host="imap.example.com", username="sales@example.com", password="s3cret")


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


TABLE: list[tuple[Exception, str, bool, str]] = [
    (LoginError("b'[AUTHENTICATIONFAILED] Authentication failed.'"), "refused", True, "username and password"),
    (LoginError("[UNAVAILABLE] Temporary authentication failure."), "refused", False, "for now"),
    (LoginError("[LIMIT] Too many simultaneous connections"), "refused", False, "for now"),
    (CapabilityError("STARTTLS"), "untrusted", True, "offers no STARTTLS"),
    (untrusted(), "untrusted", True, "self-signed certificate"),
    (ssl.SSLError(1, "handshake failure"), "untrusted", False, "find no common TLS"),
    (socket.gaierror(-2, "Name or service not known"), "unreachable", False, "The name of"),
    (ConnectionRefusedError(111, "Connection refused"), "unreachable", False, "Nothing listens on"),
    (TimeoutError("timed out"), "unreachable", False, "did not answer in time"),
    (OSError(113, "no route to this host"), "unreachable", False, "no route to this host"),
    (IMAPClientAbortError("socket error: EOF"), "dropped", False, "socket error: EOF"),
    (Dropped("the server said goodbye"), "dropped", False, "goodbye"),
    (NotDurable("the disk is full"), "unstorable", False, "They stay in the mailbox"),
    (ProtocolError("Tuple incomplete"), "failed", False, "can't be understood: Tuple incomplete"),
    (AssertionError(), "failed", False, "AssertionError"),
]


@pytest.mark.parametrize(("error", "state", "lasting", "words"), TABLE, ids=lambda value: str(value)[:30])
def test_each_failure_has_a_word_and_a_sentence(error: Exception, state: str, lasting: bool, words: str) -> None:
    trouble = trouble_of(error, SETTINGS)
    assert (trouble.state, trouble.lasting) == (state, lasting)
    assert words in str(trouble.sentence)
    assert "s3cret" not in str(trouble.sentence)


def test_long_words_of_a_server_are_cut_and_kept_on_one_line() -> None:
    assert words_of(ValueError("a\r\nb")) == "a b"
    assert len(words_of(ValueError("x" * 5000))) == 203
