"""When a connection is too slow, and how many are too many. Time is a number here."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.web import Server

from gateway.web.connections import ConnectionGuard, GuardedProtocol, Progress
from gateway.web.settings import WebSettings

SETTINGS = WebSettings(max_connections=30, max_connections_per_address=3)


def body_of(count: int) -> StreamReader:
    """A body of which ``count`` bytes have come."""
    loop = asyncio.get_running_loop()
    reader = StreamReader(BaseProtocol(loop), 2**20, loop=loop)
    reader.feed_data(b"x" * count)
    return reader


@pytest.mark.parametrize(("seconds", "late"), [(9.9, None), (10.1, "headers")])
def test_headers_have_ten_seconds(seconds: float, late: str | None) -> None:
    assert Progress(header_since=100.0).too_slow(100.0 + seconds, SETTINGS) == late


@pytest.mark.parametrize(
    ("seconds", "came", "late"),
    [(29, 0, None), (31, 100, "body"), (31, 31 * 500, None), (300, 299 * 500, "body"), (300, 301 * 500, None)],
)
async def test_a_body_may_be_long_but_not_slow(seconds: float, came: int, late: str | None) -> None:
    progress = Progress(header_since=None, body=body_of(came), body_since=100.0, in_hand=True)
    assert progress.too_slow(100.0 + seconds, SETTINGS) == late


async def test_a_complete_body_may_be_answered_slowly() -> None:
    body = body_of(1)
    body.feed_eof()
    progress = Progress(header_since=None, body=body, body_since=0.0, in_hand=True)
    assert progress.too_slow(1000.0, SETTINGS) is None


class Door:
    """Lets connections from an address in until one is refused."""

    def __init__(self, guard: ConnectionGuard) -> None:
        self.guard = guard
        self._server: Server = Server(_nobody)  # type: ignore[arg-type]

    def open(self, address: str) -> GuardedProtocol | None:
        loop = asyncio.get_running_loop()
        protocol = GuardedProtocol(self._server, self.guard, loop=loop, idle=75)
        return protocol if self.guard.admit(protocol, address) else None

    def count(self, addresses: list[str]) -> int:
        return sum(self.open(address) is not None for address in addresses)


async def _nobody() -> None:
    """Never called: no request is made."""


async def test_one_address_may_hold_a_few_connections_and_gets_one_back_when_it_leaves() -> None:
    door = Door(ConnectionGuard(SETTINGS, per_address=True))
    first = door.open("203.0.113.9")
    assert first is not None
    assert door.count(["203.0.113.9"] * 5) == 2
    assert door.count(["203.0.113.10"]) == 1
    door.guard.leave(first, "203.0.113.9")
    assert door.count(["203.0.113.9"] * 2) == 1
    assert door.guard.refused == 4


async def test_neighbours_of_one_ipv6_network_count_together() -> None:
    door = Door(ConnectionGuard(SETTINGS, per_address=True))
    assert door.count([f"2001:db8::{n}" for n in range(1, 9)]) == 3


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.5"])
async def test_loopback_and_own_proxies_are_limited_only_in_all(address: str) -> None:
    door = Door(ConnectionGuard(SETTINGS, per_address=True, proxies=(ip_network("10.0.0.0/24"),)))
    assert door.count([address] * 50) == 30


async def test_the_private_listener_has_no_limit_an_address() -> None:
    door = Door(ConnectionGuard(SETTINGS, per_address=False))
    assert door.count(["203.0.113.9"] * 50) == 30
    assert len(door.guard) == 30
