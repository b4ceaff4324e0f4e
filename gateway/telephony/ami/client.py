"""Keeps one AMI session alive: connects, logs in, watches over it, comes back after a failure, and says how it is."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.clock import Clock
from gateway.core.sentences import NOTHING, Sentence, Unusable, verbatim
from gateway.core.systemerrors import certificate_words, system_words
from gateway.telephony.ami.connection import ANSWER_IN, QUEUE_LIMIT, AmiConnection
from gateway.telephony.ami.errors import (
    ActionRefused,
    AmiClosed,
    AmiError,
    AmiTimeout,
    AmiUnreachable,
    LoginRefused,
    NotAmi,
)
from gateway.telephony.ami.framing import KEEP_ALL, EventFilter
from gateway.telephony.ami.timing import Backoff, Sleep, within

log = logging.getLogger(__name__)

PING_EVERY = 5.0
PING_WITHIN = 5.0
"""Seconds. A peer that died without a word is noticed after 5 + 5 s at the latest, the promise being 15."""
STABLE_AFTER = 30.0
"""Seconds a session must have lasted for the next pause to be short again: one that is cut each time must not storm."""

NETWORK_PAUSES = (1.0, 30.0)
LOGIN_PAUSES = (60.0, 600.0)
"""First and longest pause in seconds. Wrong credentials do not get better by the second, and fail2ban, which FreePBX
ships, bans an address after five failures in ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiAddress:
    """Where a PBX is and who we are there."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """None for plain TCP."""
    classes: str = "on"
    """Event classes to ask for at the login, comma-separated; ``on`` for all that the account may read, ``off``."""

    @property
    def peer(self) -> str:
        """``host:port``, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState:
    """How the connection is."""

    state: str
    """``connecting``, ``connected``, ``unreachable`` or ``refused``."""
    detail: Sentence = NOTHING
    """A sentence: why it is not connected."""
    since: datetime


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, against ``ca_file`` or the system's authorities.

    Raises ValueError with a sentence if the file can't be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        words = verbatim(error.reason) if isinstance(error, ssl.SSLError) else system_words(error)
        raise Unusable(
            "ca_file %(file)s: can't be read as PEM certificates (%(words)s)", file=ca_file, words=words
        ) from error


async def connect(address: AmiAddress, connection: AmiConnection, sleep: Sleep, seconds: float = ANSWER_IN) -> None:
    """Open the socket of ``connection``. Raises AmiUnreachable, AmiTimeout, or NotAmi for a certificate not trusted."""
    loop = asyncio.get_running_loop()
    where = address.peer
    opening = loop.create_connection(lambda: connection, address.host, address.port, ssl=address.tls)
    try:
        transport, _ = await within(seconds, opening, sleep)
    except TimeoutError:
        raise AmiTimeout(
            "No answer from %(peer)s within %(seconds)s s; check host, port and firewall",
            peer=where,
            seconds=f"{seconds:g}",
        ) from None
    except socket.gaierror as error:
        raise AmiUnreachable(
            "The name %(host)r can't be resolved (%(words)s); check host", host=address.host, words=system_words(error)
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise NotAmi(
            "The certificate of %(peer)s is not trusted (%(words)s); set ca_file to the authority that signed it, and "
            "host to a name it was made for",
            peer=where,
            words=certificate_words(error),
        ) from error
    except ssl.SSLError as error:
        raise NotAmi(
            "%(peer)s does not speak TLS (%(words)s); check port, or set tls = false", peer=where, words=error.reason
        ) from error
    except OSError as error:
        raise AmiUnreachable(
            "Can't connect to %(peer)s (%(words)s); is the PBX up, is its manager enabled?",
            peer=where,
            words=system_words(error),
        ) from error
    raw = transport.get_extra_info("socket")
    if raw is not None:  # NAT boxes forget connections that are quiet
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class AmiClient:
    """Runs sessions one after the other for as long as `run` runs."""

    def __init__(
        self,
        address: AmiAddress,
        use: Callable[[AmiConnection], Awaitable[None]],
        *,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        events: EventFilter = KEEP_ALL,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        """``use`` is called with each logged-in connection; when it returns or raises, the session is over.

        It should end by the AmiError that `AmiConnection.next_batch` raises when the connection is lost.
        """
        self._address = address
        self._use = use
        self._clock = clock
        self._sleep = sleep
        self._events = events
        self._queue_limit = queue_limit
        self._network = Backoff(*NETWORK_PAUSES, chance)
        self._login = Backoff(*LOGIN_PAUSES, chance)
        self._state = ClientState(state="connecting", since=clock.now())
        self.sessions = 0
        """Logins that succeeded so far."""

    @property
    def state(self) -> ClientState:
        """How it is now."""
        return self._state

    async def run(self) -> None:
        """Connect, use, come back; until cancelled."""
        while True:
            began, sessions = self._clock.monotonic(), self.sessions
            error = await self._attempt()
            if self.sessions > sessions:
                self._login.reset()
                if self._clock.monotonic() - began >= STABLE_AFTER:
                    self._network.reset()
            pause = (self._login if isinstance(error, LoginRefused) else self._network).next()
            self._enter(error.state, error.sentence)
            log.warning(
                "The PBX is not connected",
                extra={
                    "action": "ami_lost",
                    "peer": self._address.peer,
                    "reason": str(error),
                    "retry_in": round(pause, 1),
                },
            )
            await self._sleep(pause)

    async def _attempt(self) -> AmiError:
        """One session from connect to its end, and why it ended."""
        try:
            await self._session()
        except AmiError as error:
            return error
        except Exception:
            log.exception("A session with the PBX failed", extra={"action": "ami_failed", "peer": self._address.peer})
            return AmiClosed("An error of our own ended the session with the PBX; the log has it. Connecting anew")
        return AmiClosed("The session with %(peer)s ended", peer=self._address.peer)

    async def _session(self) -> None:
        address = self._address
        connection = AmiConnection(
            address.peer, clock=self._clock, sleep=self._sleep, events=self._events, queue_limit=self._queue_limit
        )
        try:
            await connect(address, connection, self._sleep)
            await connection.greeting()
            await connection.login(address.username, address.secret, address.classes)
            self.sessions += 1
            self._enter("connected")
            log.info(
                "Logged in to the PBX",
                extra={"action": "ami_connected", "peer": address.peer, "banner": connection.banner},
            )
            watch = asyncio.create_task(self._watch(connection), name=f"ami-watch:{address.peer}")
            try:
                await self._use(connection)
            finally:
                watch.cancel()
        finally:
            connection.abort(AmiClosed("The session with %(peer)s was ended by us", peer=address.peer))

    async def _watch(self, connection: AmiConnection) -> None:
        """Ask for a sign of life, and drop a peer that gives none: a half-open connection looks like a quiet one."""
        while True:
            await self._sleep(PING_EVERY)
            received = connection.received
            try:
                await connection.action("Ping", seconds=PING_WITHIN)
            except ActionRefused:
                continue  # an answer is a sign of life
            except AmiTimeout:
                if connection.received == received:  # else: alive, the answer is behind a crowd of events
                    seconds, peer = f"{PING_WITHIN:g}", self._address.peer
                    silent = AmiTimeout("%(peer)s gave no sign of life for %(seconds)s s", peer=peer, seconds=seconds)
                    connection.abort(silent)
            except AmiClosed:
                return

    def _enter(self, state: str, detail: Sentence = NOTHING) -> None:
        if (state, detail) != (self._state.state, self._state.detail):
            self._state = ClientState(state=state, detail=detail, since=self._clock.now())
