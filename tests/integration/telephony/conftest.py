"""A PBX on a real socket, and time that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.clock import SystemClock
from gateway.demo.pbx import PbxServer
from gateway.demo.recording import Recording, load
from gateway.telephony.ami.client import AmiAddress, AmiClient
from tests.integration.telephony.ami_user import Make, User
from tests.unit.telephony.fakes import FakeTime

RECORDINGS = Path(__file__).parents[3] / "gateway/demo/recordings"


@pytest.fixture
def time() -> FakeTime:
    """The time of the client under test; the sockets live in real time."""
    return FakeTime()


@pytest.fixture
async def pbx() -> AsyncIterator[PbxServer]:
    server = PbxServer(username="leadgate", secret="hunter2", clock=SystemClock())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def recording() -> Recording:
    """One inbound call that was answered."""
    return load(RECORDINGS / "direct_answered.ami")


@pytest.fixture
def user() -> User:
    return User()


@pytest.fixture
async def make_client(pbx: PbxServer, time: FakeTime, user: User) -> AsyncIterator[Make]:
    """Starts clients; the keywords change the address or go to the client."""
    running: list[asyncio.Task[None]] = []

    def start(**changes: Any) -> AmiClient:
        queue = {"queue_limit": changes.pop("queue_limit")} if "queue_limit" in changes else {}
        address = AmiAddress(host="127.0.0.1", port=pbx.port, username="leadgate", secret="hunter2")
        client = AmiClient(replace(address, **changes), user, clock=time, sleep=time.sleep, chance=lambda: 0.0, **queue)
        running.append(asyncio.create_task(client.run()))
        return client

    yield start
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
