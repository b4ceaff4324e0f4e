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
from ipaddress import ip_address

from crm_adapter.base import CrmError, Misconfigured, Rejected, Throttled, Unavailable, Unknown
from crm_adapter.email.settings import MailSettings
from crm_adapter.guard import Guard

MOST_SAID = 300
"""Characters of the server's own words that are kept."""
PATIENCE = 300.0
"""Seconds for a server that says "too many": SMTP has no way to say for how long."""

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TOO_MANY = re.compile(r"\b4\.7\.\d+\b.*\b(rate|limit|many|grey|slow)|too (many|fast)|rate limit", re.IGNORECASE)


class _Pinned(smtplib.SMTP):
    """Connects to an address that the guard allowed: a second look-up may give another answer."""

    def __init__(self, settings: MailSettings, context: ssl.SSLContext) -> None:
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


def send(settings: MailSettings, content: bytes) -> str:
    """Hand the letter over; the server's last answer. Raises CrmError only."""
    smtp = _open(settings)
    try:
        _expect(smtp.mail(settings.sender), "the sender", Misconfigured)
        for address in settings.to:  # all or nobody: a letter that some have got would be doubled by the next try
            _expect(smtp.rcpt(address), f"the address {address}", Misconfigured)
        _expect(smtp.docmd("DATA"), "the letter", Rejected, good=354)
        return _hand_over(smtp, settings, content)
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"{settings.host} {_what_happened(error)}") from None
    finally:
        _leave(smtp)


def check(settings: MailSettings) -> None:
    """Connect and sign in, and send nothing. Raises CrmError only."""
    _leave(_open(settings))


def _open(settings: MailSettings) -> smtplib.SMTP:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise Misconfigured(f"ca_file can't be read: {error.strerror or error}") from None
    try:
        smtp = _Pinned(settings, context)
    except CrmError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise Misconfigured(_no_trust(settings, error)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"{settings.host} {_what_happened(error)}") from None
    try:
        smtp.ehlo_or_helo_if_needed()
        if settings.tls == "starttls":
            _encrypt(smtp, settings, context)
        _sign_in(smtp, settings)
    except BaseException as error:
        _leave(smtp)
        if isinstance(error, ssl.SSLCertVerificationError):
            raise Misconfigured(_no_trust(settings, error)) from None
        if isinstance(error, OSError | smtplib.SMTPException):
            raise Unavailable(f"{settings.host} {_what_happened(error)}") from None
        raise
    return smtp


def _encrypt(smtp: smtplib.SMTP, settings: MailSettings, context: ssl.SSLContext) -> None:
    """Nothing is said in the clear to a server that should encrypt: whoever sits between could have left it out."""
    if not smtp.has_extn("starttls"):
        raise Misconfigured(f"{settings.host} offers no STARTTLS; set tls to implicit, or ask who runs it")
    smtp.starttls(context=context)
    smtp.ehlo()


def _sign_in(smtp: smtplib.SMTP, settings: MailSettings) -> None:
    if settings.username is None or settings.password is None:
        return
    try:
        smtp.login(settings.username, settings.password)
    except smtplib.SMTPAuthenticationError as error:
        said = f"{settings.host} refuses the user name and password: {_said(error.smtp_code, error.smtp_error)}"
        if 500 <= error.smtp_code < 600:
            raise Misconfigured(said) from None
        raise Unavailable(said) from None  # also for a code that was cut off
    except smtplib.SMTPNotSupportedError:
        raise Misconfigured(f"{settings.host} offers no way to sign in; leave username and password out") from None


def _hand_over(smtp: smtplib.SMTP, settings: MailSettings, content: bytes) -> str:
    """The letter itself and its dot; from here on an answer that is missing leaves it open whether it was taken."""
    try:
        smtp.send(re.sub(rb"(?m)^\.", b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        answer = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Unknown(f"{settings.host} {_what_happened(error)}, and may have taken the letter") from None
    if answer[0] < 100:  # smtplib takes what is left of a code for one
        raise Unknown(f"{settings.host} closed the connection within its answer, and may have taken the letter")
    _expect(answer, "the letter", Rejected)
    return _said(*answer)


def _expect(answer: tuple[int, bytes], what: str, for_good: type[CrmError], good: int = 250) -> None:
    """Return for the code that means yes (RFC 5321 section 4.2.1), else raise what the answer means."""
    code = answer[0]
    if code == good or (good == 250 and code == 251):
        return
    said = f"the mail server does not take {what}: {_said(*answer)}"
    if 500 <= code < 600:
        raise for_good(said)
    if _TOO_MANY.search(_said(*answer)):
        raise Throttled(said, retry_after=PATIENCE)
    raise Unavailable(said)


def _leave(smtp: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        if smtp.sock is not None:
            smtp.sock.settimeout(1.0)  # politeness must not cost the time of another letter
        smtp.quit()
    smtp.close()


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {_BREAKS.sub(' ', text)}"[:MOST_SAID]


def _no_trust(settings: MailSettings, error: ssl.SSLCertVerificationError) -> str:
    why = " ".join(str(error.verify_message).split())
    return f"{settings.host} shows a certificate that can't be trusted: {why}; name its authority in ca_file"


def _what_happened(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return "closed the connection"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {_said(error.smtp_code, error.smtp_error)}"
    if isinstance(error, socket.gaierror):
        return "is not known to the name servers"
    if isinstance(error, OSError):
        return f"can't be reached ({error.strerror or type(error).__name__})"
    return f"gave no usable answer ({type(error).__name__})"
