"""Why a mailbox can't be read, in one word for programs and a sentence for people that names the way out."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass

from imapclient.exceptions import CapabilityError, IMAPClientAbortError, LoginError

from gateway.core.errors import LeadgateError
from gateway.mail.oauth.tokens import TokenDead, TokenError
from gateway.mail.settings import MailboxSettings

_LONGEST_WORDS = 200
_PASSING = re.compile(r"UNAVAILABLE|INUSE|\bLIMIT\b|too many|try again|temporar", re.IGNORECASE)
"""Refusals that are not about the password (RFC 5530)."""


class Dropped(Exception):
    """The connection is gone, or answers nothing that makes sense. ``args[0]`` says which."""


class FolderMissing(Exception):
    """A configured folder can't be opened. ``args[0]`` is the sentence, with the folders that there are."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no connection now."""

    state: str
    """``refused``, ``unauthorized``, ``untrusted``, ``unreachable``, ``dropped``, ``unstorable``, ``failed``."""
    sentence: str
    lasting: bool = False
    """A person must change something: trying again soon does not help, and may lock the account."""


def trouble_of(error: Exception, settings: MailboxSettings) -> Trouble:
    """What ``error`` means for people."""
    where = f"{settings.host}:{settings.port}"
    if isinstance(error, TokenDead):
        return Trouble("unauthorized", str(error), lasting=True)
    if isinstance(error, TokenError):
        return Trouble("unreachable", str(error))
    if isinstance(error, LoginError):
        return _of_login(error, settings)
    if isinstance(error, CapabilityError):
        return Trouble("untrusted", f'{where} offers no STARTTLS. Set tls = "implicit" and its port, mostly 993', True)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error, where)
    if isinstance(error, LeadgateError):
        return Trouble("unstorable", f"Letters can't be stored now ({error}). They stay in the mailbox")
    if isinstance(error, Dropped | IMAPClientAbortError):
        return Trouble("dropped", f"The connection to {where} ended: {words_of(error)}")
    if isinstance(error, OSError):
        return Trouble("unreachable", _of_network(error, where))
    return Trouble("failed", f"{where} answered what can't be understood: {words_of(error)}")


def words_of(error: Exception) -> str:
    """What an exception says, short and on one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    said = re.sub(r"^b(['\"])(.*)\1$", r"\2", said)
    return said if len(said) <= _LONGEST_WORDS else f"{said[:_LONGEST_WORDS]}..."


def _of_login(error: Exception, settings: MailboxSettings) -> Trouble:
    said = words_of(error).rstrip(".")
    if _PASSING.search(said):
        return Trouble("refused", f"{settings.host} lets nobody in for now: {said}")
    if settings.auth == "oauth2":
        sentence = (
            f"{settings.host} does not let {settings.username} in with the token of its provider: {said}. Check "
            "username, and that IMAP is switched on for this account and allowed to the application"
        )
        return Trouble("refused", sentence, lasting=True)
    sentence = (
        f"{settings.host} does not let {settings.username} in: {said}. Check username and password of [[mailbox]] "
        f"{settings.name}; Gmail, Yandex and Mail.ru want a password made for this application, with IMAP switched on"
    )
    return Trouble("refused", sentence, lasting=True)


def _of_tls(error: ssl.SSLError, where: str) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or "it can't be verified"
        return Trouble(
            "untrusted",
            f"The certificate of {where} is not trusted: {why}. Set host to the name in the certificate, or ca_file to "
            "the PEM file of the authority that signed it",
            lasting=True,
        )
    reason: str | None = getattr(error, "reason", None)  # only errors of the library itself have one
    if reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"):
        return Trouble("untrusted", f'{where} speaks no TLS there. Set tls = "starttls", or port to the TLS one')
    return Trouble("untrusted", f"{where} and Leadgate find no common TLS: {reason or words_of(error)}")


def _of_network(error: OSError, where: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"The name of {where} is not known: {error.strerror}. Check host and the name server"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in time. Check host, port and the firewall"
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing listens on {where}. Check host and port"
    return f"The connection to {where} failed: {error.strerror or words_of(error)}"
