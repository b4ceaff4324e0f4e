"""A folder with 50,000 letters on a real Dovecot: looking at it takes what is new, not what is there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.integration.mail.mailboxes import QUICK, World, at_rest, health_of, letter, running, settings, until
from tests.peers.dovecot import DovecotServer

pytestmark = pytest.mark.peer("dovecot")

LETTERS = 50_000
FIRST_LOOK = 15.0
"""Seconds for the first look, most of them Dovecot's own: it reads the folder and makes its index."""
NEXT_LOOK = 5.0
"""Seconds for a new letter, half a second of them Dovecot's batching of what IDLE tells; measured: 0.6."""


def fill(server: DovecotServer, user: str) -> None:
    """Letters of 2020 as names of one file: quick to make, and as costly for the server as any."""
    maildir = server.maildir(user)
    one = server.deliver(user, letter(0))
    os.utime(one, (1_600_000_000, 1_600_000_000))
    for number in range(1, LETTERS):
        Path(maildir / "new" / f"1600000000.{number:06d}.test").hardlink_to(one)


async def test_new_letters_in_a_folder_of_50_000_come_as_fast_as_in_an_empty_one(dovecot_server: DovecotServer) -> None:
    user, world = dovecot_server.new_user(), World()
    fill(dovecot_server, user)
    mailbox = settings(dovecot_server.port, user, since="now")
    began = time.monotonic()
    async with running(mailbox, world) as connector:
        await until(lambda: health_of(connector).state == "idle", FIRST_LOOK)
        first = time.monotonic() - began
        assert world.sink.calls == 0
        assert f"{LETTERS} letters on the server" in str(health_of(connector).detail)
        for number in (1, 2, 3):
            dovecot_server.deliver(user, letter(number))
            assert await until(lambda number=number: world.numbers[-1:] == [number]) < NEXT_LOOK  # type: ignore[misc]
            await at_rest(connector)
    began = time.monotonic()
    async with running(mailbox, world, timing=QUICK) as connector:  # a restart
        await at_rest(connector)
        again = time.monotonic() - began
    assert world.numbers == [1, 2, 3]
    assert again < NEXT_LOOK, (first, again)
    print(f"first look {first:.1f} s, after a restart {again:.2f} s")
