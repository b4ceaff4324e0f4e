"""One letter to a mail server (RFC 5321, RFC 6409). Blocking: runs in a thread.

smtplib does the protocol up to DATA. From there on it is done here, since smtplib can't tell a letter that was surely
not taken from one that may have been.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address

from crm_adapter.base import CrmError, Misconfigured, Throttled, Unavailable, Unknown
from crm_adapter.email import refusals
from crm_adapter.email.refusals import Answer, said
from crm_adapter.email.settings import MailSettings
from crm_adapter.guard import Guard
from crm_adapter.said import Said

PATIENCE = 300.0
"""Seconds for a server that says "too many": SMTP has no way to say for how long."""

Refuse = Callable[[Answer], CrmError]
"""What an answer of 5xx to one command means."""


class _Pinned(smtplib.SMTP):
    """Connects to an address that the guard allowed: a second look-up may give another answer."""

    def __init__(self, settings: MailSettings, context: ssl.SSLContext | None) -> None:
        self._guard = settings.guard
        self._implicit = context if settings.tls == "implicit" else None
        domain = settings.sender.rpartition("@")[2]
        super().__init__(settings.host, settings.port, local_hostname=domain, timeout=settings.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """smtplib's own place for another way to connect (SMTP_SSL uses it)."""
        channel = connect(host, port, timeout, self._guard)
        if self._implicit is None:
            return channel
        try:
            return self._implicit.wrap_socket(channel, server_hostname=host)
        except BaseException:
            channel.close()
            raise


def connect(host: str, port: int, timeout: float, guard: Guard) -> socket.socket:
    """To the first address of ``host`` that answers. Raises Misconfigured where one of them is not allowed."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        guard.check_address(host, address)
    failure: OSError = ConnectionRefusedError(f"{host} has no address")
    for address in addresses:
        try:
            return socket.create_connection((str(address), port), timeout)
        except OSError as error:
            failure = error
    raise failure


class Submission:
    """Hands letters to one server. Several threads may use it at once."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._trust: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def send(self, content: bytes) -> str:
        """Hand the letter over; the server's last answer. Raises CrmError only."""
        settings = self._settings
        smtp = self._open()
        try:
            _expect(smtp.mail(settings.sender), partial(refusals.sender, settings))
            for address in settings.to:  # all or nobody: a letter that some have got would be doubled by the next try
                _expect(smtp.rcpt(address), partial(refusals.recipient, settings, address))
            _expect(smtp.docmd("DATA"), partial(refusals.letter, settings), good=354)
            return _hand_over(smtp, settings, content)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(refusals.what_happened(settings, error)) from None
        finally:
            _leave(smtp)

    def check(self) -> None:
        """Connect and sign in, and send nothing. Raises CrmError only."""
        _leave(self._open())

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        context = None if settings.tls == "none" else self._context()
        smtp: smtplib.SMTP | None = None
        try:
            smtp = _Pinned(settings, context)
            smtp.ehlo_or_helo_if_needed()
            if settings.tls == "starttls":
                _encrypt(smtp, settings, context)
            _sign_in(smtp, settings)
        except BaseException as error:
            if smtp is not None:
                _leave(smtp)
            if isinstance(error, ssl.SSLCertVerificationError):
                self._forget_trust()
                raise Misconfigured(refusals.no_trust(settings, error)) from None
            if isinstance(error, OSError | smtplib.SMTPException):
                raise refusals.not_opened(settings, error) from None
            raise
        return smtp

    def _context(self) -> ssl.SSLContext:
        """Whom we trust, read once: the file of all authorities takes longer to read than a letter to send."""
        with self._lock:
            if self._trust is None:
                try:
                    self._trust = ssl.create_default_context(cafile=self._settings.ca_file)
                except OSError as error:  # also ssl.SSLError: there is a file, and it holds no certificate
                    words = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
                    raise Misconfigured(Said("ca_file can't be read: %(words)s", words=words)) from None
            return self._trust

    def _forget_trust(self) -> None:
        """Read it anew the next time: whoever mends a certificate may also put another authority into the file."""
        with self._lock:
            self._trust = None


def _encrypt(smtp: smtplib.SMTP, settings: MailSettings, context: ssl.SSLContext | None) -> None:
    """Nothing is said in the clear to a server that should encrypt: whoever sits between could have left it out."""
    if not smtp.has_extn("starttls"):
        raise Misconfigured(refusals.no_starttls(settings))
    smtp.starttls(context=context)
    smtp.ehlo()


def _sign_in(smtp: smtplib.SMTP, settings: MailSettings) -> None:
    if settings.username is None or settings.password is None:
        return
    try:
        smtp.login(settings.username, settings.password)
    except smtplib.SMTPAuthenticationError as error:
        raise refusals.sign_in(settings, (error.smtp_code, error.smtp_error)) from None
    except smtplib.SMTPNotSupportedError:
        words = Said("%(host)s offers no way to sign in: leave username and password out", host=settings.host)
        raise Misconfigured(words) from None


def _hand_over(smtp: smtplib.SMTP, settings: MailSettings, content: bytes) -> str:
    """The letter itself and its dot; from here on an answer that is missing leaves it open whether it was taken."""
    try:
        smtp.send(re.sub(rb"(?m)^\.", b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        answer = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Unknown(refusals.perhaps(refusals.what_happened(settings, error))) from None
    if answer[0] < 100:  # smtplib takes what is left of a code for one
        raise Unknown(refusals.perhaps(refusals.cut_off(settings)))
    _expect(answer, partial(refusals.letter, settings))
    return said(answer)


def _expect(answer: Answer, refuse: Refuse, good: int = 250) -> None:
    """Return for the code that means yes (RFC 5321 section 4.2.1), else raise what the answer means."""
    code = answer[0]
    if code == good or (good == 250 and code == 251):
        return
    if 500 <= code < 600:
        raise refuse(answer)
    if refusals.is_too_many(answer):
        words = Said("the mail server asks for patience: %(words)s", words=said(answer))
        raise Throttled(words, retry_after=PATIENCE)
    raise Unavailable(Said("the mail server does not take the letter now: %(words)s", words=said(answer)))


def _leave(smtp: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        if smtp.sock is not None:
            smtp.sock.settimeout(1.0)  # politeness must not cost the time of another letter
        smtp.quit()
    smtp.close()
