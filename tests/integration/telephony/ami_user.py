"""What tests of the AMI client share: somebody who uses a connection, and waiting for its states."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.telephony.ami.client import AmiClient
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.framing import Message
from tests.unit.telephony.fakes import until

Make = Callable[..., AmiClient]
"""Starts a client; keywords change its address."""


class User:
    """What a client is for: collects events until the connection fails."""

    def __init__(self) -> None:
        self.connection: AmiConnection | None = None
        self.events: list[Message] = []
        self.ends: list[Exception] = []
        self.work = asyncio.Event()
        """Cleared while the user is too busy to take events."""
        self.work.set()

    async def __call__(self, connection: AmiConnection) -> None:
        self.connection = connection
        try:
            while True:
                await self.work.wait()
                self.events += (await connection.next_batch()).events
        except Exception as error:
            self.ends.append(error)
            raise

    @property
    def live(self) -> AmiConnection:
        assert self.connection is not None
        return self.connection


async def failed(client: AmiClient) -> str:
    """Wait until an attempt failed, and give the sentence."""
    await until(lambda: bool(str(client.state.detail)), "a failure")
    return str(client.state.detail)


async def connected(client: AmiClient, sessions: int = 1) -> None:
    await until(lambda: client.sessions == sessions and client.state.state == "connected", "a login")
