"""What a mail server's refusals mean, and the way out. Pure. Sources: RFC 5321 (replies), RFC 4954 (AUTH), RFC 3463 and
RFC 5248 (the codes with dots), OpenSSL's verify codes."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Mapping

from crm_adapter.base import CrmError, Misconfigured, Rejected, Unavailable
from crm_adapter.email.settings import PORTS, MailSettings
from crm_adapter.said import Said

Answer = tuple[int, bytes | str]
"""A reply's code and words."""
MOST_SAID = 300
"""Characters of the server's own words that are kept."""
CERTIFICATE: Mapping[int, Said] = {
    9: Said("it is not valid yet: look at the clocks of both machines"),
    10: Said("it has run out: who runs the server must renew it"),
    18: Said("it is signed by itself; where the server is your own, name that certificate in ca_file"),
    19: Said("its authority is not known to this machine: name that one's certificate in ca_file"),
    20: Said("its authority is not known to this machine: name that one's certificate in ca_file"),
    21: Said("its authority is not known to this machine: name that one's certificate in ca_file"),
    62: Said("it is made out to another name: write host as the certificate has it"),
    64: Said("it is made out to another name: write host as the certificate has it"),
}
"""X509_V_ERR_... -> the way out."""
SIGN_IN_FIRST, WEAK_PASSWORD, TOO_BIG = 530, 534, 552
SPEAKS_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""OpenSSL's reasons where the other side answered in plain words."""

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TOO_MANY = re.compile(r"\b4\.7\.\d+\b.*\b(rate|limit|many|grey|slow)|too (many|fast)|rate limit", re.IGNORECASE)
_RELAY = re.compile(r"\brelay", re.IGNORECASE)


def said(answer: Answer) -> str:
    """The server's own words, on one line."""
    code, words = answer
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {_BREAKS.sub(' ', text)}"[:MOST_SAID]


def is_too_many(answer: Answer) -> bool:
    """Whether a 4xx asks us to be slower, and is no fault of the moment."""
    return _TOO_MANY.search(said(answer)) is not None


def sender(settings: MailSettings, answer: Answer) -> CrmError:
    """A 5xx to MAIL."""
    if answer[0] == SIGN_IN_FIRST:
        return _sign_in_first(settings, answer)
    return Misconfigured(
        Said(
            "%(host)s does not take the sender %(address)s: %(words)s; from must be an address that the mailbox may "
            "send as, mostly its own",
            host=settings.host,
            address=settings.sender,
            words=said(answer),
        )
    )


def recipient(settings: MailSettings, address: str, answer: Answer) -> CrmError:
    """A 5xx to RCPT."""
    if answer[0] == SIGN_IN_FIRST:
        return _sign_in_first(settings, answer)
    if _RELAY.search(said(answer)) and settings.username is None:
        return Misconfigured(
            Said(
                "%(host)s passes no letters on to %(address)s for somebody who did not sign in: %(words)s; set "
                "username and password",
                host=settings.host,
                address=address,
                words=said(answer),
            )
        )
    return Misconfigured(
        Said(
            "%(host)s does not take the address %(address)s: %(words)s; correct to, or make that mailbox",
            host=settings.host,
            address=address,
            words=said(answer),
        )
    )


def letter(settings: MailSettings, answer: Answer) -> CrmError:
    """A 5xx to DATA or after the dot."""
    if answer[0] == TOO_BIG:
        return Rejected(Said("the letter is too big for %(host)s: %(words)s", host=settings.host, words=said(answer)))
    return Rejected(Said("%(host)s does not take this letter: %(words)s", host=settings.host, words=said(answer)))


def sign_in(settings: MailSettings, answer: Answer) -> CrmError:
    """Whatever AUTH was answered with but yes."""
    if answer[0] == WEAK_PASSWORD:
        return Misconfigured(
            Said(
                "%(host)s wants another password, one that is made for programs (an app password): %(words)s",
                host=settings.host,
                words=said(answer),
            )
        )
    if 500 <= answer[0] < 600:
        return Misconfigured(
            Said(
                "%(host)s refuses the user name and password: %(words)s; look at both, and whether the mailbox wants a "
                "password made for programs (an app password) or has sending by programs switched off",
                host=settings.host,
                words=said(answer),
            )
        )
    if answer[0] < 100:  # smtplib takes what is left of a code for one
        return Unavailable(cut_off(settings))
    return Unavailable(Said("%(host)s can't sign us in now: %(words)s", host=settings.host, words=said(answer)))


def _sign_in_first(settings: MailSettings, answer: Answer) -> Misconfigured:
    return Misconfigured(
        Said(
            "%(host)s wants us to sign in first: %(words)s; set username and password, and tls to starttls or implicit",
            host=settings.host,
            words=said(answer),
        )
    )


def no_starttls(settings: MailSettings) -> Said:
    """The server lists no STARTTLS."""
    return Said(
        "%(host)s offers no STARTTLS at port %(port)s, so nothing was said to it: set tls to implicit with port 465, "
        "or ask who runs it",
        host=settings.host,
        port=settings.port,
    )


def no_trust(settings: MailSettings, error: ssl.SSLCertVerificationError) -> Said:
    """A certificate that we must not believe."""
    why = CERTIFICATE.get(error.verify_code)
    if why is None:
        why = Said("%(words)s; name its authority in ca_file", words=" ".join(str(error.verify_message).split()))
    return Said("%(host)s shows a certificate that can't be trusted: %(why)s", host=settings.host, why=why)


def not_opened(settings: MailSettings, error: OSError | smtplib.SMTPException) -> CrmError:
    """No connection, no encryption or no greeting."""
    if isinstance(error, ssl.SSLError) and error.reason in SPEAKS_NO_TLS:
        return Misconfigured(
            Said(
                "%(host)s speaks no TLS from the start at port %(port)s: set tls to starttls with port 587, or tls to "
                "implicit with port 465",
                host=settings.host,
                port=settings.port,
            )
        )
    if isinstance(error, TimeoutError) and settings.tls == "starttls" and settings.port == PORTS["implicit"]:
        return Misconfigured(
            Said(
                "%(host)s is silent at port %(port)s, where servers wait for TLS from the start: set tls to implicit",
                host=settings.host,
                port=settings.port,
            )
        )
    return Unavailable(what_happened(settings, error))


def cut_off(settings: MailSettings) -> Said:
    """The connection ended within an answer."""
    return Said("%(host)s closed the connection within its answer", host=settings.host)


def perhaps(words: Said) -> Said:
    """The letter was through, the answer was not."""
    return Said("%(words)s, and may have taken the letter: it is sent again, as the same letter", words=words)


def what_happened(settings: MailSettings, error: OSError | smtplib.SMTPException) -> Said:
    """Words for a broken connection."""
    host = settings.host
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return Said("%(host)s closed the connection", host=host)
    if isinstance(error, ssl.SSLError):
        words = error.reason or "TLS"
        return Said(
            "%(host)s could not agree with us on encryption (%(words)s): is its TLS too old?", host=host, words=words
        )
    if isinstance(error, TimeoutError):
        return Said("%(host)s did not answer in time", host=host)
    if isinstance(error, smtplib.SMTPResponseException):
        return Said("%(host)s answered %(words)s", host=host, words=said((error.smtp_code, error.smtp_error)))
    if isinstance(error, socket.gaierror):
        return Said("%(host)s is not known to the name servers: is host written as the provider says?", host=host)
    if isinstance(error, ConnectionRefusedError):
        return Said("%(host)s can't be reached: nothing listens at port %(port)s", host=host, port=settings.port)
    if isinstance(error, smtplib.SMTPException):
        return Said("%(host)s gave no usable answer (%(words)s)", host=host, words=type(error).__name__)
    return Said("%(host)s can't be reached (%(words)s)", host=host, words=error.strerror or type(error).__name__)
