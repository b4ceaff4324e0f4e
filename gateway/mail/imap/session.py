"""One connection to an IMAP server: blocking calls for the mailbox's own thread.

Everything here reads only: EXAMINE, UID SEARCH, UID FETCH with PEEK; only ``mark`` does more, where it is configured.
What imapclient leaves open is closed here: every wait has an end, the death of a connection in IDLE is told from
silence, and what was asked is compared with what came.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from gateway.core.sentences import NOTHING, Sentence
from gateway.mail.identity import letter_digest
from gateway.mail.imap.deeds import DeedRefused, act
from gateway.mail.imap.login import log_in
from gateway.mail.imap.place import LAST_UID, FolderState, Listed
from gateway.mail.imap.trouble import Dropped, FolderMissing, words_of
from gateway.mail.oauth.tokens import AccessTokens
from gateway.mail.settings import MailboxSettings

log = logging.getLogger(__name__)

LIST_AT_ONCE = 500
"""Letters whose sizes are asked for by one command: the command line stays below 8 KB, as RFC 7162 recommends."""
SLICE = 1 << 20
"""Bytes of a large letter that are asked for at once: imaplib holds an answer six times over."""
SLICED_FROM = 4 << 20
"""Bytes from which a letter is fetched in slices."""
HEAD_OCTETS = 256 * 1024
"""Of a letter that is not fetched whole, so much of its headers: as much as gateway.mail.identity looks at."""
FOLDERS_NAMED = 20
"""Existing folders that a sentence about a missing one names."""
IDLE_BEGINNINGS = 3
"""How often IDLE is begun anew for a server that says other things with its beginning."""
NOT_GIVEN = "The mail server lists this letter but does not give its text. Look into the mailbox"
GUARD = 0.9
"""An IDLE wait that ends with nothing before this share of its time is suspected to be a dead connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. No call to a server waits without an end."""

    connect: float = 10
    silence: float = 60
    """Without a byte from the server for so long, the connection is dead."""
    call: float = 300
    """The longest call, however slowly bytes come: 8 MB at 28 KB/s."""
    idle: float = 120
    """IDLE is begun anew so often. Routers forget a silent connection after 5 minutes, servers after 30 (RFC 2177)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter as the server gave it."""

    listed: Listed
    raw: bytes
    """The whole letter, or where ``problem`` says so only its headers, or nothing."""
    digest: str
    """gateway.mail.identity.letter_digest of ``raw``."""
    problem: str | None = None
    """A sentence: why ``raw`` is not the whole letter."""


class ImapSession:
    """Use it from one thread; only ``abort`` may come from another."""

    def __init__(self, settings: MailboxSettings, timing: Timing, tokens: AccessTokens | None = None) -> None:
        """``tokens`` where the mailbox is signed in to with ``auth = "oauth2"``."""
        self._settings = settings
        self._timing = timing
        self._tokens = tokens
        self._client: Any = None
        self._aborted = False
        self.can_idle = False

    def open(self) -> None:
        """Connect, verify, log in. Raises OSError, SSLError, TokenError, or imapclient's errors (see trouble.py)."""
        settings, timing = self._settings, self._timing
        context = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file or None)
        self._client = IMAPClient(
            settings.host,
            settings.port,
            ssl=settings.tls == "implicit",
            ssl_context=context,
            timeout=SocketTimeout(timing.connect, timing.silence),
        )
        if self._aborted:
            self.abort()
            raise Dropped("the gateway stops")
        self._client.normalise_times = False  # INTERNALDATE keeps its zone
        self._client._imap.debug = 0  # imapclient sets 5 to feed its debug log: 23 % of the time of a fetch, measured
        if settings.tls == "starttls":
            self._client.starttls(context)
        log_in(self._client, settings, self._tokens)
        self.can_idle = self._client.has_capability("IDLE")
        self._client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def abort(self) -> None:
        """End the connection at once, from any thread: a call that waits on it fails."""
        self._aborted = True
        if self._client is not None:
            with contextlib.suppress(OSError, AttributeError):  # it is gone already
                self._client._imap.sock.shutdown(socket.SHUT_RDWR)

    def dispose(self) -> None:
        """Give the socket back to the system, after ``abort``. In the session's own thread: it may be in use before."""
        if self._client is not None:
            with contextlib.suppress(Exception):  # it may be in any state, and nobody needs it any more
                self._client.shutdown()

    def folders(self) -> list[str]:
        """The names of all folders that can be opened."""
        listed = self._client.list_folders()
        return [str(name) for flags, _, name in listed if b"\\noselect" not in {flag.lower() for flag in flags}]

    def sent_folder(self) -> str | None:
        """The folder that the server names as the one of sent letters (RFC 6154), None where it names none."""
        if self._client.has_capability("SPECIAL-USE"):
            # Dovecot tells the roles only when it is asked for them
            self._client._imap._simple_command("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE)")
            _, data = self._client._imap._untagged_response("OK", [None], "LIST")
            listed = self._client._proc_folder_list(data)
        else:
            listed = self._client.list_folders()
        sent = [str(name) for flags, _, name in listed if b"\\sent" in {flag.lower() for flag in flags}]
        return sent[0] if sent else None

    def mark(self, folder: str, uidvalidity: int, uids: Sequence[int], after: str) -> tuple[FolderState, Sentence]:
        """Do what ``after`` says with stored letters, and open ``folder`` read-only again: what it says then, and the
        sentence of a server that refuses, or nothing.
        """
        refused = NOTHING
        try:
            act(self._client, folder, uidvalidity, uids, after)
        except DeedRefused as error:
            refused = error.sentence
        return self.examine(folder), refused

    def examine(self, folder: str) -> FolderState:
        """Open ``folder`` read-only. Raises FolderMissing with the names of those that exist."""
        try:
            answer: Mapping[bytes, Any] = self._client.select_folder(folder, readonly=True)
        except IMAPClient.AbortError:
            raise
        except IMAPClientError as error:
            raise FolderMissing(self._why_missing(folder, error)) from None
        return FolderState(
            uidvalidity=int(answer.get(b"UIDVALIDITY") or 0),
            uidnext=_whole(answer.get(b"UIDNEXT")),
            exists=int(answer[b"EXISTS"]),
        )

    def _why_missing(self, folder: str, error: Exception) -> Sentence:
        names = self.folders()
        shown = ", ".join(f'"{name}"' for name in names[:FOLDERS_NAMED]) or "-"
        more = ", ..." if len(names) > FOLDERS_NAMED else ""
        if folder in names:
            values = {"folder": folder, "words": words_of(error)}
            return Sentence('The folder "%(folder)s" can\'t be opened: %(words)s', values)
        values = {"folder": folder, "folders": shown + more}
        return Sentence('The folder "%(folder)s" does not exist. There are: %(folders)s', values)

    def highest_uid(self) -> int:
        """The largest UID in the open folder, 0 where it is empty."""
        return max(self._client.search(["UID", "*"]), default=0)

    def uids(self, first: int, last: int, since: datetime | None = None) -> list[int]:
        """UIDs in the open folder from ``first`` to ``last``, ascending. ``since``: that came on its day or later."""
        if first > last:
            return []
        upper = "*" if last >= LAST_UID else str(last)
        criteria: list[Any] = ["UID", f"{first}:{upper}"]
        if since is not None:
            criteria += ["SINCE", date(since.year, since.month, since.day)]
        # "500:*" also gives the last letter where all UIDs are smaller (RFC 9051 section 9, seq-range)
        return sorted({uid for uid in self._client.search(criteria) if first <= uid <= last})

    def uids_of(self, message_id: str) -> list[int]:
        """UIDs of the letters in the open folder with this Message-ID."""
        return sorted(self._client.search(["HEADER", "Message-ID", message_id]))

    def sizes(self, uids: Sequence[int]) -> list[Listed]:
        """Size and arrival of letters, ascending; those that are gone meanwhile are left out."""
        listed: list[Listed] = []
        for start in range(0, len(uids), LIST_AT_ONCE):
            listed += self._some_sizes(list(uids[start : start + LIST_AT_ONCE]))
        return listed

    def _some_sizes(self, uids: list[int]) -> list[Listed]:
        wanted = ["RFC822.SIZE", "INTERNALDATE"]
        answer = self._fetch(uids, wanted)
        unanswered = [uid for uid in uids if uid not in answer]
        there = set(self.uids(unanswered[0], unanswered[-1])) if unanswered else set()
        for uid in unanswered:
            if uid in there:
                answer[uid] = self._fetch([uid], wanted).get(uid, {})
        return [
            Listed(
                uid=uid,
                size=_whole(answer[uid].get(b"RFC822.SIZE")) or 0,
                arrived=_moment(answer[uid].get(b"INTERNALDATE")),
            )
            for uid in uids
            if uid in answer
        ]

    def _fetch(self, uids: list[int], items: list[str]) -> dict[int, Mapping[bytes, Any]]:
        """UID to what was answered. An answer that makes no sense is logged, and counts as none."""
        try:
            answer: dict[int, Mapping[bytes, Any]] = self._client.fetch(uids, items)
        except (IMAPClient.AbortError, OSError):
            raise
        except Exception as error:  # imapclient's parser raises what it likes, and the connection is in step after it
            log.warning(
                "Letters could not be asked for: the server's answer makes no sense.",
                extra={
                    "action": "imap_nonsense",
                    "mailbox": self._settings.name,
                    "uids": uids[:10],
                    "reason": words_of(error),
                },
            )
            return {}
        return answer

    def fetch(self, batch: Sequence[Listed], largest: int, now: datetime) -> list[Letter]:
        """The letters of ``batch``, without those that are gone meanwhile. Above ``largest`` bytes: headers only.

        A letter that the server lists but does not give is among them too, with what could be had of it.
        """
        whole = [letter for letter in batch if letter.size <= largest]
        raws = self._bodies(whole)
        letters = []
        for listed in batch:
            if listed.size > largest:
                problem = _too_large(listed.size)
                letters.append(_letter(listed, self._head(listed.uid), now, problem))
            elif (raw := raws.get(listed.uid)) is not None:
                letters.append(_letter(listed, raw, now))
            elif self.uids(listed.uid, listed.uid):
                letters.append(_letter(listed, self._head(listed.uid), now, NOT_GIVEN))
        return letters

    def _bodies(self, batch: Sequence[Listed]) -> dict[int, bytes]:
        """UID to whole letter. What a common FETCH does not bring is asked for once more, one by one."""
        small = [letter.uid for letter in batch if letter.size < SLICED_FROM]
        raws = self._whole_bodies(small)
        for uid in small:
            if uid not in raws:
                raws |= self._whole_bodies([uid])
        for letter in batch:
            if letter.size >= SLICED_FROM:
                raws[letter.uid] = self._sliced(letter.uid)
        return {uid: raw for uid, raw in raws.items() if raw}

    def _whole_bodies(self, uids: list[int]) -> dict[int, bytes]:
        answer = self._fetch(uids, ["BODY.PEEK[]"])
        return {uid: raw for uid in answer if isinstance(raw := answer[uid].get(b"BODY[]"), bytes)}

    def _sliced(self, uid: int) -> bytes:
        pieces: list[bytes] = []
        while True:
            start = len(pieces) * SLICE
            answer = self._fetch([uid], [f"BODY.PEEK[]<{start}.{SLICE}>"]).get(uid, {})
            piece = answer.get(f"BODY[]<{start}>".encode())
            if not isinstance(piece, bytes):
                return b""
            pieces.append(piece)
            if len(piece) < SLICE:
                return b"".join(pieces)

    def _head(self, uid: int) -> bytes:
        answer = self._fetch([uid], [f"BODY.PEEK[HEADER]<0.{HEAD_OCTETS}>"]).get(uid, {})
        head = answer.get(b"BODY[HEADER]<0>")
        return head if isinstance(head, bytes) else b""

    def wait(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> bool:
        """IDLE until there is a new letter (True) or ``seconds`` are over (False). Raises Dropped at a dead connection.

        imapclient's own idle_check gives "nothing" for the end of the connection too, at once.
        """
        if self._begin_idle():
            return True
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            asked_at = monotonic()
            answers = self._client.idle_check(timeout=left)
            if any(answer[0] == b"BYE" for answer in answers):
                raise Dropped("the server said goodbye")
            if _tells_of_letters(answers):
                self._client.idle_done()
                return True
            if not answers and monotonic() - asked_at < left * GUARD:
                break  # mostly the end of the connection, which idle_check hides; then DONE gets no answer and raises
        _, last = self._client.idle_done()  # the heartbeat: a dead connection is told by its silence now
        return _tells_of_letters(last)

    def _begin_idle(self) -> bool:
        """Begin IDLE; True, and IDLE is over, where the server told of letters with the very beginning.

        A letter that came just before is told together with "+ idling". imaplib has read both by then, and idle_check
        would wait at the socket for what is in imaplib's buffer already.
        """
        for _ in range(IDLE_BEGINNINGS):
            self._client.idle()
            if not self._has_buffered():
                return False
            _, told = self._client.idle_done()
            if _tells_of_letters(told):
                return True
        self._client.idle()
        return False

    def _has_buffered(self) -> bool:
        sock = self._client.socket()
        sock.setblocking(False)
        try:
            return bool(self._client._imap.file.peek(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            sock.settimeout(self._timing.silence)


def _tells_of_letters(answers: Sequence[Any]) -> bool:
    return any(len(answer) > 1 and answer[1] in (b"EXISTS", b"RECENT") for answer in answers)


def _letter(listed: Listed, raw: bytes, now: datetime, problem: str | None = None) -> Letter:
    return Letter(listed=listed, raw=raw, digest=letter_digest(raw, listed.arrived or now), problem=problem)


def lost_letter(listed: Listed) -> Letter:
    """A letter that breaks the connection whenever it is asked for."""
    return Letter(listed=listed, raw=b"", digest="", problem=NOT_GIVEN)


def _too_large(size: int) -> str:
    return f"The letter is too large ({size / (1 << 20):.0f} MiB), so only its headers were read. The mailbox has it"


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 2**63 else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
