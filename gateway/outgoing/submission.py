"""One letter to a submission server (RFC 6409), with a clear word on what became of it. Blocking: runs in a thread.

The standard library's smtplib does the protocol up to DATA; from there on it is done here, since smtplib can't tell a
letter that was surely not taken from one that may have been.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from gateway.core.errors import LeadgateError
from gateway.core.sentences import Sentence, verbatim
from gateway.core.systemerrors import certificate_words, system_words
from gateway.outgoing.settings import SenderSettings

T = TypeVar("T")

STEP_SECONDS = 60.0
"""For the connection and for each answer of the server but the last."""
FINAL_SECONDS = 600.0
"""For the answer after the letter: a server may need so long to scan it (RFC 5321 section 4.5.3.2.6)."""
MAX_SAID = 300
"""Characters of the server's own words that are kept."""


class SubmissionError(LeadgateError):
    """Why a letter was not sent."""

    code = "error"


class Later(SubmissionError):
    """It was surely not taken; another try can help."""

    code = "later"

    def __init__(self, sentence: str | Sentence, /, *, retry_after: float | None = None, **values: object) -> None:
        """``retry_after``: seconds of patience that the other side asked for."""
        super().__init__(sentence, **values)
        self.retry_after = retry_after


class Unreachable(Later):
    """The server itself is away: nothing can leave through it now."""

    code = "unreachable"


class Refused(SubmissionError):
    """It was surely not taken, and never will be."""

    code = "refused"


class SenderAtFault(SubmissionError):
    """Nothing can go out through this sender until a person mends its settings."""

    code = "sender_at_fault"


class Lost(SubmissionError):
    """The whole letter was handed over and no answer came: it may have been taken or not."""

    code = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to sign in; with neither there is no signing in."""

    username: str
    password: str = ""
    token: str = ""
    """An OAuth2 access token, for XOAUTH2; wins over the password."""

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, ***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The server has it."""

    said: str
    """Its last answer: mostly the queue id."""
    refused: tuple[str, ...] = ()
    """Recipients that it did not take, each with its words, where it took others."""


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run ``work`` in a thread of its own that does not keep the process from ending: a connection that hangs could
    hold up a stop for a minute."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast(T, result))

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # raised where the future is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="outgoing", daemon=True).start()
    return future


class Submission:
    """One connection that sends one letter. ``abort`` may be called from another thread."""

    def __init__(self, sender: SenderSettings, credentials: Credentials | None) -> None:
        self._sender = sender
        self._credentials = credentials
        self._smtp: smtplib.SMTP | None = None
        self._aborted = False

    def abort(self) -> bool:
        """Break the connection, so that the thread that waits for the server ends now; False where there is none yet,
        and then none is used any more: nothing was and nothing will be handed over.
        """
        self._aborted = True
        channel = self._smtp.sock if self._smtp is not None else None
        if channel is None:
            return False
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)
        return True

    def check(self) -> None:
        """Connect and sign in, and send nothing. Raises SubmissionError only."""
        try:
            smtp = self._connect()
            try:
                smtp.ehlo_or_helo_if_needed()
                self._sign_in(smtp)
            finally:
                self._leave(smtp)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Unreachable(_what_happened(self._place, error)) from None

    def send(self, mail_from: str, recipients: Sequence[str], letter: bytes) -> Taken:
        """Hand the letter over. Raises SubmissionError only. ``mail_from`` empty: the null sender of a machine."""
        try:
            smtp = self._connect()
        except SubmissionError:
            raise
        except (OSError, smtplib.SMTPException) as error:
            raise Unreachable(_what_happened(self._place, error)) from None
        try:
            smtp.ehlo_or_helo_if_needed()
            self._sign_in(smtp)
            refused = self._envelope(smtp, mail_from, recipients, len(letter))
            said = self._data(smtp, letter)
        except SubmissionError:
            raise
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise Later(_what_happened(self._place, error)) from None
        finally:
            self._leave(smtp)
        return Taken(said=said, refused=tuple(refused))

    @property
    def _place(self) -> str:
        return f"{self._sender.host}:{self._sender.effective_port}"

    def _connect(self) -> smtplib.SMTP:
        sender, context = self._sender, self._context()
        # the name is the sender's domain, not this machine's: some servers refuse "localhost", and it tells nobody ours
        try:
            if sender.tls == "implicit":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    timeout=STEP_SECONDS, context=context, local_hostname=sender.domain
                )
            else:
                smtp = smtplib.SMTP(timeout=STEP_SECONDS, local_hostname=sender.domain)
            # connected in a second step, so that ``abort`` has a socket to cut while the server keeps silent; smtplib
            # sets the name for the certificate only where it connects in one
            smtp._host = sender.host  # type: ignore[attr-defined]
            self._smtp = smtp
            self._judge(smtp.connect(sender.host, sender.effective_port), Sentence("the connection"), SenderAtFault)
            self._check_wanted()
            if sender.tls == "starttls":
                self._start_tls(smtp, context)
        except ssl.SSLCertVerificationError as error:
            raise SenderAtFault(
                "%(server)s shows a certificate that can't be trusted (%(words)s). Correct host, or name the authority "
                "in ca_file",
                server=self._place,
                words=certificate_words(error),
            ) from None
        except BaseException:
            self._close()
            raise
        return smtp

    def _check_wanted(self) -> None:
        if self._aborted:
            raise Later("stopped while connecting")

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()

    def _start_tls(self, smtp: smtplib.SMTP, context: ssl.SSLContext) -> None:
        smtp.ehlo_or_helo_if_needed()
        if not smtp.has_extn("starttls"):
            raise SenderAtFault(
                '%(server)s offers no STARTTLS: set tls = "implicit" with its port, often 465', server=self._place
            )
        smtp.starttls(context=context)

    def _context(self) -> ssl.SSLContext:
        if self._sender.ca_file and not Path(self._sender.ca_file).is_file():
            raise SenderAtFault("ca_file %(file)s is not there", file=self._sender.ca_file)
        try:
            context = ssl.create_default_context(cafile=self._sender.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            words = verbatim(error.reason) if isinstance(error, ssl.SSLError) else system_words(error)
            raise SenderAtFault(
                "ca_file %(file)s can't be used: %(words)s", file=self._sender.ca_file, words=words
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        """By XOAUTH2 with a token, else PLAIN, else LOGIN, whichever the server offers."""
        known = self._credentials
        if known is None:
            return
        offered = str(smtp.esmtp_features.get("auth", "")).upper().split()
        if known.token:
            if "XOAUTH2" not in offered:
                raise SenderAtFault(
                    "%(server)s offers no XOAUTH2, only %(ways)s",
                    server=self._place,
                    ways=" ".join(offered) or Sentence("no signing in"),
                )
            line = f"user={known.username}\x01auth=Bearer {known.token}\x01\x01"
            answer = smtp.docmd("AUTH", "XOAUTH2 " + _base64(line))
            if answer[0] == 334:  # the error is told in a challenge, which wants an empty answer
                answer = smtp.docmd("")
        elif "PLAIN" in offered:
            answer = smtp.docmd("AUTH", "PLAIN " + _base64(f"\0{known.username}\0{known.password}"))
        elif "LOGIN" in offered:
            answer = smtp.docmd("AUTH", "LOGIN " + _base64(known.username))
            if answer[0] == 334:
                answer = smtp.docmd(_base64(known.password))
        else:
            raise SenderAtFault(
                "%(server)s offers no way to sign in that Leadgate knows: %(ways)s",
                server=self._place,
                ways=" ".join(offered) or Sentence("no signing in"),
            )
        self._judge(answer, Sentence("the sign-in of %(account)s", {"account": known.username}), SenderAtFault)

    def _envelope(self, smtp: smtplib.SMTP, mail_from: str, recipients: Sequence[str], size: int) -> list[str]:
        """Sender and recipients; what was said of those not taken. A temporary no to one puts the whole letter off:
        nobody has got it yet, and so nobody gets it twice."""
        options = [f"SIZE={size}"] if smtp.has_extn("size") else []
        sender = Sentence("the sender %(address)s", {"address": mail_from or "<>"})
        self._judge(smtp.mail(mail_from, options), sender, Refused)
        refused = []
        for recipient in recipients:
            code, said = smtp.rcpt(recipient)
            if 500 <= code < 600:
                refused.append(f"{recipient}: {_said(code, said)}")
            elif not 200 <= code < 300:
                raise Later(
                    "%(server)s can't take %(recipient)s now: %(words)s",
                    server=self._place,
                    recipient=recipient,
                    words=_said(code, said),
                )
        if len(refused) == len(recipients):
            raise Refused(
                "%(server)s takes none of the recipients: %(words)s",
                server=self._place,
                words="; ".join(refused)[: 4 * MAX_SAID],
            )
        return refused

    def _data(self, smtp: smtplib.SMTP, letter: bytes) -> str:
        code, said = smtp.docmd("DATA")
        if code != 354:
            self._judge((code, said), Sentence("the letter"), Refused)
            raise Later("%(server)s answered DATA with %(words)s", server=self._place, words=_said(code, said))
        smtp.send(_stuffed(letter))  # without its end: if this breaks, the server has no letter
        if smtp.sock is not None:
            smtp.sock.settimeout(FINAL_SECONDS)
        try:
            smtp.send(b".\r\n")
            code, said = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Lost(
                "the whole letter was handed over; after it %(words)s", words=_what_happened(self._place, error)
            ) from None
        self._judge((code, said), Sentence("the letter"), Refused)
        return _said(code, said)

    def _judge(self, answer: tuple[int, bytes], what: Sentence, permanent: type[SubmissionError]) -> None:
        """Return for 2xx; 5xx is ``permanent``, 4xx and what makes no sense mean later (RFC 5321 section 4.2.1)."""
        code, said = answer
        if 200 <= code < 300:
            return
        values = {"server": self._place, "what": what, "words": _said(code, said)}
        sentence = Sentence("%(server)s did not take %(what)s: %(words)s", values)
        raise permanent(sentence) if 500 <= code < 600 else Later(sentence)

    def _leave(self, smtp: smtplib.SMTP) -> None:
        """Be polite if it costs nothing: the letter's fate is known already."""
        if smtp.sock is not None and not self._aborted:
            smtp.sock.settimeout(2.0)
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.docmd("QUIT")
        smtp.close()


def _stuffed(letter: bytes) -> bytes:
    """With dots doubled at the beginning of lines (RFC 5321 section 4.5.2), ending in a line end."""
    body = letter if letter.endswith(b"\r\n") else letter + b"\r\n"
    body = body.replace(b"\r\n.", b"\r\n..")
    return b"." + body if body.startswith(b".") else body


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _said(code: int, said: bytes) -> str:
    words = " ".join(said.decode("utf-8", "replace").split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in words)
    return f"{code} {printable}"[:MAX_SAID]


def _what_happened(server: str, error: Exception) -> Sentence:
    """A broken connection, or a server that makes no sense."""
    known: dict[str, object] = {"server": server}
    match error:
        case TimeoutError():
            return Sentence("%(server)s did not answer in time", known)
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return Sentence("%(server)s closed the connection or refused it", known)
        case smtplib.SMTPResponseException():
            words = _said(error.smtp_code, _bytes(error.smtp_error))
            return Sentence("%(server)s answered %(words)s", {**known, "words": words})
        case socket.gaierror():
            return Sentence("%(server)s is not known to the name servers", known)
        case ssl.SSLError():
            known["words"] = error.reason or Sentence("no reason was given")
            return Sentence("%(server)s could not agree on an encrypted connection (%(words)s)", known)
        case OSError():
            return Sentence("%(server)s can't be reached (%(words)s)", {**known, "words": system_words(error)})
        case _:
            return Sentence("%(server)s gave no usable answer (%(words)s)", {**known, "words": type(error).__name__})


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
