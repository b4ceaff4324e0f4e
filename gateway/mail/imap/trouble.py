"""Why a mailbox can't be read, in one word for programs and a sentence for people that names the way out."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass

from imapclient.exceptions import CapabilityError, IMAPClientAbortError, LoginError

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence
from gateway.core.systemerrors import certificate_words, system_words
from gateway.mail.oauth.tokens import TokenDead, TokenError
from gateway.mail.settings import MailboxSettings

_LONGEST_WORDS = 200
_PASSING = re.compile(r"UNAVAILABLE|INUSE|\bLIMIT\b|too many|try again|temporar", re.IGNORECASE)
"""Refusals that are not about the password (RFC 5530)."""


class Dropped(LeadgateError):
    """The connection is gone, or answers nothing that makes sense. The sentence says which."""

    code = "mailbox_dropped"
    retryable = True


class FolderMissing(LeadgateError):
    """A configured folder can't be opened. The sentence has the folders that there are."""

    code = "folder_missing"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no connection now."""

    state: str
    """``refused``, ``unauthorized``, ``untrusted``, ``unreachable``, ``dropped``, ``unstorable``, ``failed``."""
    sentence: Sentence
    lasting: bool = False
    """A person must change something: trying again soon does not help, and may lock the account."""


def trouble_of(error: Exception, settings: MailboxSettings) -> Trouble:
    """What ``error`` means for people."""
    where = f"{settings.host}:{settings.port}"
    if isinstance(error, TokenDead):
        return Trouble("unauthorized", error.sentence, lasting=True)
    if isinstance(error, TokenError):
        return Trouble("unreachable", error.sentence)
    if isinstance(error, LoginError):
        return _of_login(error, settings)
    if isinstance(error, CapabilityError):
        said = Sentence(
            '%(server)s offers no STARTTLS. Set tls = "implicit" and its port, mostly 993', {"server": where}
        )
        return Trouble("untrusted", said, True)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error, where)
    if isinstance(error, Dropped | IMAPClientAbortError):
        words = error.sentence if isinstance(error, Dropped) else words_of(error)
        return Trouble(
            "dropped", Sentence("The connection to %(server)s ended: %(words)s", {"server": where, "words": words})
        )
    if isinstance(error, LeadgateError):
        said = Sentence("Letters can't be stored now (%(words)s). They stay in the mailbox", {"words": error})
        return Trouble("unstorable", said)
    if isinstance(error, OSError):
        return Trouble("unreachable", _of_network(error, where))
    values = {"server": where, "words": words_of(error)}
    return Trouble("failed", Sentence("%(server)s answered what can't be understood: %(words)s", values))


def words_of(error: Exception) -> str:
    """What an exception says, short and on one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    said = re.sub(r"^b(['\"])(.*)\1$", r"\2", said)
    return said if len(said) <= _LONGEST_WORDS else f"{said[:_LONGEST_WORDS]}..."


def _of_login(error: Exception, settings: MailboxSettings) -> Trouble:
    said = words_of(error).rstrip(".")
    values = {
        "server": settings.host,
        "account": settings.username,
        "mailbox": settings.name,
        "words": said,
    }
    if _PASSING.search(said):
        return Trouble("refused", Sentence("%(server)s lets nobody in for now: %(words)s", values))
    if settings.auth == "oauth2":
        sentence = Sentence(
            "%(server)s does not let %(account)s in with the token of its provider: %(words)s. Check username, and "
            "that IMAP is switched on for this account and allowed to the application",
            values,
        )
        return Trouble("refused", sentence, lasting=True)
    sentence = Sentence(
        "%(server)s does not let %(account)s in: %(words)s. Check username and password of [[mailbox]] %(mailbox)s; "
        "Gmail, Yandex and Mail.ru want a password made for this application, with IMAP switched on",
        values,
    )
    return Trouble("refused", sentence, lasting=True)


def _of_tls(error: ssl.SSLError, where: str) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        sentence = Sentence(
            "The certificate of %(server)s is not trusted: %(words)s. Set host to the name in the certificate, or "
            "ca_file to the PEM file of the authority that signed it",
            {"server": where, "words": certificate_words(error)},
        )
        return Trouble("untrusted", sentence, lasting=True)
    reason: str | None = getattr(error, "reason", None)  # only errors of the library itself have one
    if reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"):
        said = Sentence(
            '%(server)s speaks no TLS there. Set tls = "starttls", or port to the TLS one', {"server": where}
        )
        return Trouble("untrusted", said)
    values = {"server": where, "words": reason or words_of(error)}
    return Trouble("untrusted", Sentence("%(server)s and Leadgate find no common TLS: %(words)s", values))


def _of_network(error: OSError, where: str) -> Sentence:
    server = {"server": where}
    if isinstance(error, socket.gaierror):
        return Sentence("The name of %(server)s is not known. Check host and the name server", server)
    if isinstance(error, TimeoutError):
        return Sentence("%(server)s did not answer in time. Check host, port and the firewall", server)
    if isinstance(error, ConnectionRefusedError):
        return Sentence("Nothing listens on %(server)s. Check host and port", server)
    words = system_words(error)
    return Sentence("The connection to %(server)s failed: %(words)s", {**server, "words": words})
