"""A small AMI server that plays recorded calls: the demo's PBX, and the tests' PBX that misbehaves.

It speaks what a client needs to come up honestly (login, Ping, the list actions, Originate) and sends what a real
Asterisk sent. Calls take place whether or not somebody listens, as on a real PBX.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import logging
import secrets
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from gateway.core.clock import Clock
from gateway.demo.mischief import Mischief, Wire
from gateway.demo.originate import first_leg
from gateway.demo.recording import Play, Recording, encode, read_headers
from gateway.demo.switchboard import Switchboard

log = logging.getLogger(__name__)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
LONGEST_ACTION = 128 * 1024
"""Bytes: 128 lines of 1,024, as Asterisk takes at most."""
WRITE_WITHIN = 5.0
"""Seconds a client may leave unread what is sent to it; then it is cut off (manager.conf ``writetimeout``)."""

Headers = dict[str, str]


class _Client:
    """One connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.challenge = ""
        self.logged_in = False
        self.listens = False
        self.mute = False


class PbxServer:
    """An AMI server on a real socket."""

    def __init__(
        self,
        *,
        username: str,
        secret: str,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tls: ssl.SSLContext | None = None,
        mischief: Mischief | None = None,
    ) -> None:
        self.mischief = mischief or Mischief()
        """Looked at when a client connects; may be replaced at any time."""
        self.actions: deque[Headers] = deque(maxlen=10_000)
        """What clients asked, the newest last, without proofs of identity."""
        self.connections = 0
        """Sockets accepted so far."""
        self._username = username
        self._secret = secret
        self._clock = clock
        self._sleep = sleep
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._changed = asyncio.Condition()
        self._switchboard = Switchboard()
        self._serials = itertools.count(1)
        self._answers: dict[str, Callable[[_Client, Headers], Awaitable[None]]] = {
            "ping": self._ping,
            "challenge": self._challenge,
            "login": self._login,
            "logoff": self._logoff,
            "originate": self._originate,
            "coreshowchannels": self._channels,
            "bridgelist": self._bridges,
            "bridgeinfo": self._bridge_info,
            "queuestatus": self._queue_status,
            "coresettings": self._core_settings,
            "corestatus": self._core_status,
            "showdialplan": self._dialplan,
        }

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, ssl=self._tls, limit=LONGEST_ACTION)

    async def stop(self) -> None:
        """Close the listening socket and all connections."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            await self.listeners(0)
            self._server = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("The demo PBX is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def listeners(self, count: int) -> None:
        """Wait until exactly so many logged-in clients receive events."""
        async with self._changed:
            await self._changed.wait_for(lambda: sum(client.listens for client in self._clients) == count)

    def cut(self) -> None:
        """Close all connections without a word."""
        for client in self._clients:
            client.wire.cut()

    async def play(
        self, recording: Recording, *, speed: float = 1.0, caller: str | None = None, at: datetime | None = None
    ) -> None:
        """Send a recording's events, ``speed`` times as fast as they were recorded; returns after the last.

        They are dated so that the last one happens at the end of the play: a fast play begins in the past, none ends in
        the future. ``caller`` takes the place of the recorded caller's number everywhere. ``at``: dated as if it were
        then; ids of channels are made of dates, so the parts of one call need the same.
        """
        ahead = recording.seconds * (1 - 1 / speed)
        old = recording.caller
        play = Play(
            shift=int((at or self._clock.now()).timestamp() - recording.began - ahead),
            serial=next(self._serials),
            caller=(old, caller) if caller and old else None,
        )
        began = self._clock.monotonic()
        for event in play.events(recording):
            early = event.after / speed - (self._clock.monotonic() - began)
            if early > 0:
                await self._sleep(early)
            await self.send(event.headers)

    async def send(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send one event to everybody who listens."""
        headers = tuple(headers)
        self._switchboard.apply(dict(headers), self._clock.monotonic())
        await self.send_raw(encode(headers))

    async def send_raw(self, data: bytes) -> None:
        """Send bytes to everybody who listens."""
        for client in [client for client in self._clients if client.listens and not client.mute]:
            try:
                async with asyncio.timeout(WRITE_WITHIN):
                    await client.wire.send(data)
            except (OSError, TimeoutError):
                client.wire.cut()

    # -- one connection -----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mischief = self.mischief
        client = _Client(Wire(writer, mischief))
        client.mute = mischief.silent
        self.connections += 1
        self._clients.add(client)
        try:
            if not client.mute:
                await client.wire.send(mischief.banner if mischief.banner is not None else BANNER)
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                await self._act(client, dict(read_headers(block)), mischief)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            log.debug("An AMI client left", extra={"action": "demo_client_left", "reason": str(error)})
        finally:
            writer.close()
            self._clients.discard(client)
            await self._notify()

    async def _act(self, client: _Client, headers: Headers, mischief: Mischief) -> None:
        self.actions.append({name: value for name, value in headers.items() if name not in ("Secret", "Key")})
        if client.mute:
            return
        name = headers.get("Action", "").lower()
        answer = self._answers.get(name)
        if name in {action.lower() for action in mischief.permits}:
            await self._reply(client, headers, "Success", Message="Success")
            return
        refused = name in {action.lower() for action in mischief.refuses}
        if answer is None or (name == "challenge" and mischief.no_challenge):
            await self._refuse(client, headers, "Invalid/unknown command")
        elif refused or not (client.logged_in or name in ("challenge", "login", "logoff")):
            await self._refuse(client, headers, "Permission denied")
        else:
            await answer(client, headers)
            if name == "login":
                await self._misbehave(client, mischief)

    async def _misbehave(self, client: _Client, mischief: Mischief) -> None:
        client.mute = mischief.silent_after_login
        if mischief.after_login:
            await client.wire.send(mischief.after_login)
        if mischief.cut_after_login:
            client.wire.cut()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # -- answers ------------------------------------------------------------------------------------------------------

    async def _reply(self, client: _Client, request: Headers, response: str, **headers: str) -> None:
        echo = {"ActionID": request["ActionID"]} if "ActionID" in request else {}
        await client.wire.send(encode({"Response": response, **echo, **headers}.items()))

    async def _refuse(self, client: _Client, request: Headers, why: str) -> None:
        await self._reply(client, request, "Error", Message=why)

    async def _list(self, client: _Client, request: Headers, items: list[Headers], end: str) -> None:
        echo = {"ActionID": request["ActionID"]} if "ActionID" in request else {}
        await self._reply(client, request, "Success", EventList="start", Message="A list will follow")
        for item in items:
            await client.wire.send(encode({"Event": item["Event"], **echo, **item}.items()))
        closing = {"Event": end, **echo, "EventList": "Complete", "ListItems": str(len(items))}
        await client.wire.send(encode(closing.items()))

    async def _ping(self, client: _Client, request: Headers) -> None:
        now = self._clock.now().timestamp() + self.mischief.clock_ahead
        await self._reply(client, request, "Success", Ping="Pong", Timestamp=f"{now:.6f}")

    async def _challenge(self, client: _Client, request: Headers) -> None:
        if request.get("AuthType", "").upper() != "MD5":
            await self._refuse(client, request, "Must specify AuthType")
            return
        client.challenge = str(secrets.randbelow(900_000_000) + 100_000_000)
        await self._reply(client, request, "Success", Challenge=client.challenge)

    async def _login(self, client: _Client, request: Headers) -> None:
        expected, given = self._secret, request.get("Secret", "")
        if request.get("AuthType", "").upper() == "MD5":
            expected = hashlib.md5((client.challenge + self._secret).encode(), usedforsecurity=False).hexdigest()
            given = request.get("Key", "") if client.challenge else ""
        right = hmac.compare_digest(given.encode(), expected.encode()) and request.get("Username") == self._username
        if not right:
            await self._refuse(client, request, "Authentication failed")
            client.wire.cut()
            return
        client.logged_in = True
        await self._reply(client, request, "Success", Message="Authentication accepted")
        await client.wire.send(encode({"Event": "FullyBooted", "Status": "Fully Booted"}.items()))
        client.listens = request.get("Events", "on").lower() not in ("off", "no", "false")
        await self._notify()

    async def _logoff(self, client: _Client, request: Headers) -> None:
        await self._reply(client, request, "Goodbye", Message="Thanks for all the fish.")
        client.wire.cut()

    async def _originate(self, client: _Client, request: Headers) -> None:
        if not request.get("Channel"):
            await self._refuse(client, request, "Channel not specified")
            return
        if not request.get("Exten") and not request.get("Application"):
            await self._refuse(client, request, "Originate with 'Exten' requires 'Context' and 'Priority'")
            return
        await self._reply(client, request, "Success", Message="Originate successfully queued")
        serial = next(self._serials)
        for event in first_leg(request, serial=serial, now=self._clock.now().timestamp(), mischief=self.mischief):
            await self.send_raw(encode(event.items()))

    async def _channels(self, client: _Client, request: Headers) -> None:
        channels = self._switchboard.channels(self._clock.monotonic())
        await self._list(client, request, channels, "CoreShowChannelsComplete")

    async def _bridges(self, client: _Client, request: Headers) -> None:
        await self._list(client, request, self._switchboard.bridges(), "BridgeListComplete")

    async def _bridge_info(self, client: _Client, request: Headers) -> None:
        members = self._switchboard.members(request.get("BridgeUniqueid", ""))
        if members is None:
            await self._refuse(client, request, "Specified BridgeUniqueid not found")
        else:
            await self._list(client, request, members, "BridgeInfoComplete")

    async def _core_settings(self, client: _Client, request: Headers) -> None:
        await self._reply(client, request, "Success", AMIversion="11.0.0", AsteriskVersion=self.mischief.version)

    async def _core_status(self, client: _Client, request: Headers) -> None:
        day, _, time = self.mischief.started.partition(" ")
        await self._reply(client, request, "Success", CoreStartupDate=day, CoreStartupTime=time, CoreCurrentCalls="0")

    async def _dialplan(self, client: _Client, request: Headers) -> None:
        places = [("from-trunk", "_X."), ("from-internal", "101")]
        steps = [
            {"Event": "ListDialplan", "Context": context, "Extension": extension, "Priority": "1"}
            for context, extension in places
        ]
        await self._list(client, request, steps, "ShowDialPlanComplete")

    async def _queue_status(self, client: _Client, request: Headers) -> None:
        await self._list(client, request, self._switchboard.waiting(self._clock.monotonic()), "QueueStatusComplete")
