"""One AMI connection: bytes in, batches of events and answers to actions out. Lives from connect to the first failure.

The reader is the protocol's ``data_received``: it frames and queues and never waits, because Asterisk closes a session
that stalls for its ``writetimeout`` (100 ms unless configured). When the work behind the queue falls back too far the
connection is dropped on purpose: a gap that is known can be repaired, an event dropped in silence cannot.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.clock import Clock
from gateway.core.sentences import Sentence, verbatim
from gateway.core.systemerrors import system_words
from gateway.telephony.ami.action import encode_action
from gateway.telephony.ami.errors import (
    ActionRefused,
    AmiClosed,
    AmiError,
    AmiOverflow,
    AmiTimeout,
    LoginRefused,
    NotAmi,
)
from gateway.telephony.ami.framing import KEEP_ALL, EventFilter, Framer, FramingCounts, Message
from gateway.telephony.ami.timing import Sleep, within

QUEUE_LIMIT = 20_000
"""Events that may wait: about 10 s of a PBX that works at its limits, about 40 MB."""
LIST_LIMIT = 200_000
"""Events that one list action may answer with: ten times the channels of the largest Asterisk we heard of."""
BANNER = "Asterisk Call Manager"
"""How the first line begins, with ``/11.0.0`` or, from a proxy, `` Proxy/1.2`` after it."""
ANSWER_IN = 10.0
"""Seconds an action may take unless said otherwise."""

Headers = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that came in one piece."""

    at: datetime
    """When they were read."""
    events: list[Message]


@dataclass(slots=True)
class _Pending:
    """An action that waits for its answer."""

    answer: asyncio.Future[Message]
    items: list[Message] | None = None
    """What a list action has got so far; None for the others."""


class AmiConnection(asyncio.Protocol):
    """The asyncio protocol of one AMI session. Not reusable: after the first failure make a new one."""

    def __init__(
        self,
        peer: str,
        *,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        events: EventFilter = KEEP_ALL,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self.peer = peer
        """``host:port``, for sentences."""
        self.received = 0
        """Pieces of data that came in: grows as long as the peer lives."""
        self._clock = clock
        self._sleep = sleep
        self._queue_limit = queue_limit
        self._framer = Framer(events)
        self._transport: asyncio.Transport | None = None
        self._greeted = asyncio.Event()
        self._batches: deque[Batch] = deque()
        self._waiting = 0  # events in _batches
        self._arrived = asyncio.Event()
        self._pending: dict[str, _Pending] = {}
        self._outcomes: dict[str, asyncio.Future[Message]] = {}
        self._session = f"leadgate-{secrets.token_hex(4)}-"
        self._serial = 0
        self._error: AmiError | None = None

    # -- what asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)  # asyncio's own promise for stream sockets
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Frame, sort and queue; nothing that takes long."""
        if self._error is not None:
            return
        self.received += 1
        messages = self._framer.feed(data)
        if self._framer.banner is not None:
            self._greeted.set()
        events = [message for message in messages if not self._is_answer(message)]
        if not events:
            return
        self._waiting += len(events)
        self._batches.append(Batch(self._clock.now(), events))
        self._arrived.set()
        if self._waiting > self._queue_limit:
            self.abort(
                AmiOverflow(
                    "%(count)s events of %(peer)s waited to be worked on; connecting anew",
                    count=self._waiting,
                    peer=self.peer,
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        if exc is None:
            self._fail(AmiClosed("%(peer)s closed the connection", peer=self.peer))
            return
        words = system_words(exc) if isinstance(exc, OSError) else exc
        self._fail(AmiClosed("%(peer)s closed the connection: %(words)s", peer=self.peer, words=words))

    # -- what our side calls ------------------------------------------------------------------------------------------

    @property
    def banner(self) -> str:
        """The first line that the peer sent."""
        return self._framer.banner or ""

    @property
    def counts(self) -> FramingCounts:
        """What the stream was made of so far."""
        return self._framer.counts

    def abort(self, error: AmiError) -> None:
        """Close at once; everything that waits, and everyone who asks later, gets ``error``."""
        self._fail(error)
        if self._transport is not None:
            self._transport.abort()

    async def greeting(self, seconds: float = ANSWER_IN) -> None:
        """Wait for the banner. Raises NotAmi for any other first line, AmiTimeout for silence."""
        try:
            await within(seconds, self._greeted.wait(), self._sleep)
        except TimeoutError:
            raise AmiTimeout(
                "%(peer)s accepted the connection and said nothing for %(seconds)s s; is it the AMI port (5038)?",
                peer=self.peer,
                seconds=f"{seconds:g}",
            ) from None
        if self._error is not None and self._framer.banner is None:
            raise self._error
        if not self.banner.startswith(BANNER):
            banner = {"banner": self.banner[:60]}
            said = Sentence("it began with %(banner)r", banner) if self.banner else Sentence("it sent no greeting line")
            raise NotAmi(
                "%(peer)s is not an Asterisk Manager Interface: %(words)s; check host and port",
                peer=self.peer,
                words=said,
            )

    async def login(self, username: str, secret: str, events: str) -> None:
        """Log in, by MD5 challenge if the peer offers one: the secret then stays here.

        ``events``: classes, ``on`` or ``off``. Raises LoginRefused with what to check. Does not wait for
        ``FullyBooted``: it comes only to accounts with the ``system`` right.
        """
        try:
            challenge = (await self.action("Challenge", {"AuthType": "MD5"})).get("Challenge", "")
        except ActionRefused:
            challenge = ""
        proof = {"Secret": secret}
        if challenge:
            digest = hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()
            proof = {"AuthType": "MD5", "Key": digest}
        try:
            await self.action("Login", {**proof, "Username": username, "Events": events})
        except ActionRefused as error:
            raise LoginRefused(
                "%(peer)s refused the login of %(account)r: %(words)s. Check username, secret and the permit line of "
                "this account in manager.conf",
                peer=self.peer,
                account=username,
                words=error,
            ) from None

    async def action(self, name: str, headers: Headers | None = None, *, seconds: float = ANSWER_IN) -> Message:
        """Send an action and return its response. Never sent twice, whatever happens.

        Raises UnsafeValue, ActionRefused, AmiTimeout, AmiClosed.
        """
        return await self._ask(name, headers, seconds, _Pending(self._answer()))

    async def originate(self, headers: Headers, *, seconds: float = ANSWER_IN) -> asyncio.Future[Message]:
        """Send an asynchronous Originate. Returns once the PBX took it, with what will be its ``OriginateResponse``.

        Raises as `action`; the future fails with the connection, and is never set where the PBX says nothing more.
        """
        outcome, action_id = self._answer(), self._next_id()
        self._outcomes[action_id] = outcome
        outcome.add_done_callback(lambda _: self._outcomes.pop(action_id, None))
        try:
            await self._ask("Originate", {**headers, "Async": "true"}, seconds, _Pending(self._answer()), action_id)
        except BaseException:
            if not outcome.cancel():
                outcome.exception()  # the connection failed meanwhile, which is being raised
            raise
        return outcome

    async def listing(
        self, name: str, headers: Headers | None = None, *, seconds: float = 3 * ANSWER_IN
    ) -> list[Message]:
        """Send an action that answers with a list and return its events, the closing one last. Raises as `action`."""
        items: list[Message] = []
        await self._ask(name, headers, seconds, _Pending(self._answer(), items))
        return items

    async def next_batch(self) -> Batch:
        """The next events. What was read before a failure is still given; then the failure is raised."""
        while not self._batches:
            if self._error is not None:
                raise self._error
            self._arrived.clear()
            await self._arrived.wait()
        batch = self._batches.popleft()
        self._waiting -= len(batch.events)
        return batch

    # -- inside -------------------------------------------------------------------------------------------------------

    def _answer(self) -> asyncio.Future[Message]:
        return asyncio.get_running_loop().create_future()

    def _next_id(self) -> str:
        self._serial += 1
        return f"{self._session}{self._serial}"

    async def _ask(
        self, name: str, headers: Headers | None, seconds: float, pending: _Pending, action_id: str | None = None
    ) -> Message:
        action_id = action_id or self._next_id()
        data = encode_action(name, headers, action_id=action_id)
        if self._error is not None or self._transport is None:
            raise self._error or AmiClosed("not connected to %(peer)s", peer=self.peer)
        self._pending[action_id] = pending
        self._transport.write(data)
        try:
            return await within(seconds, pending.answer, self._sleep)
        except TimeoutError:
            raise AmiTimeout(
                "%(peer)s did not answer %(action)s within %(seconds)s s",
                peer=self.peer,
                action=name,
                seconds=f"{seconds:g}",
            ) from None
        finally:
            del self._pending[action_id]

    def _is_answer(self, message: Message) -> bool:
        """Give a message to the action that asked for it. False for one that is news to everybody."""
        action_id = message.get("ActionID")
        if action_id is None or not action_id.startswith(self._session):
            return "Event" not in message
        pending = self._pending.get(action_id)
        if "Response" in message and "Event" not in message:  # the event OriginateResponse has that header too
            if pending is not None:
                self._take_response(pending, message)
            return True
        if pending is None or pending.items is None:
            outcome = self._outcomes.get(action_id)
            if outcome is not None and message["Event"] == "OriginateResponse" and not outcome.done():
                outcome.set_result(message)
            return "EventList" in message  # a list's end that nobody waits for any more; OriginateResponse is news
        pending.items.append(message)
        if message.get("EventList", "").lower() in ("complete", "cancelled"):
            _settle(pending, message)
        elif len(pending.items) > LIST_LIMIT:
            self.abort(
                AmiOverflow(
                    "%(peer)s answered one action with more than %(limit)s events", peer=self.peer, limit=LIST_LIMIT
                )
            )
        return True

    def _take_response(self, pending: _Pending, response: Message) -> None:
        if response["Response"].lower() == "error":
            if not pending.answer.done():
                said = response.get("Message")  # its own words
                sentence = verbatim(said) if said else Sentence("no reason was given")
                pending.answer.set_exception(ActionRefused(sentence))
        elif pending.items is None:
            _settle(pending, response)

    def _fail(self, error: AmiError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._greeted.set()
        self._arrived.set()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(error)
        for outcome in self._outcomes.values():
            if not outcome.done():
                outcome.set_exception(error)


def _settle(pending: _Pending, answer: Message) -> None:
    if not pending.answer.done():  # a late one, or the same twice
        pending.answer.set_result(answer)
