"""A small AMI client of the tests' own: it drives calls, and as the judge it sees every event without our code.

Kept apart from ``gateway.telephony.ami`` on purpose: a fault there must not hide here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from tests.peers.asterisk.server import AMI_SECRET, AMI_USER
from tests.support.ports import LOOPBACK

Headers = dict[str, str]
"""One AMI message. Of a header that repeats the last value stays: no test here needs the others."""


class AmiError(Exception):
    """Asterisk answered an action with an error, or did not answer."""


class Ami:
    """One logged-in connection; ``events`` holds all that was heard, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[Headers] = []
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Headers]] = {}
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, port: int, *, events: bool = True) -> Ami:
        """Connect to the loopback and log in."""
        client = cls(*await asyncio.open_connection(LOOPBACK, port))
        await client._reader.readline()  # the banner ends with one line break, not with an empty line
        client._task = asyncio.create_task(client._read(), name=f"ami judge {port}")
        await client.action("Login", Username=AMI_USER, Secret=AMI_SECRET, Events="on" if events else "off")
        return client

    async def close(self) -> None:
        """Hang up the connection."""
        self._writer.close()
        if self._task:
            await self._task

    async def action(self, name: str, *, variables: dict[str, str] | None = None, **headers: str) -> Headers:
        """Send one action and return the answer. Raises AmiError when it is an error or does not come in 15 s."""
        action_id = f"judge-{next(self._ids)}"
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        lines += [f"Variable: {key}={value}" for key, value in (variables or {}).items()]
        self._answers[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            answer = await asyncio.wait_for(self._answers[action_id], 15)
        except TimeoutError:
            raise AmiError(f"{name} was not answered") from None
        finally:
            del self._answers[action_id]
        if answer["Response"] == "Error":
            raise AmiError(f"{name}: {answer.get('Message', '')}")
        return answer

    async def wait_for(self, condition: Callable[[], bool], what: str, *, seconds: float = 40) -> None:
        """Return once ``condition()`` is true; it is looked at after each event."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AmiError(f"{what}: not seen within {seconds:.0f} s") from None

    def open_channels(self) -> set[str]:
        """Names of the channels that were born and have not hung up."""
        born = {event["Channel"] for event in self.events if event.get("Event") == "Newchannel"}
        return born - {event["Channel"] for event in self.events if event.get("Event") == "Hangup"}

    async def _read(self) -> None:
        """Read until the other side closes or ``close`` was called."""
        while True:
            try:
                raw = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            message = dict(line.partition(": ")[::2] for line in raw.decode("utf-8", "replace").strip().split("\r\n"))
            waiting = self._answers.get(message.get("ActionID", ""))
            if "Response" in message and waiting and not waiting.done():
                waiting.set_result(message)
            async with self._news:
                if "Event" in message:
                    self.events.append(message)
                self._news.notify_all()
