"""Writes the live events of a PBX to a file that ``leadgate inspect ami`` reads: for bug reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import BinaryIO

from gateway.core.clock import Clock
from gateway.telephony.ami.client import AmiAddress, connect, tls_context
from gateway.telephony.ami.connection import AmiConnection
from gateway.telephony.ami.errors import AmiClosed
from gateway.telephony.ami.framing import Message
from gateway.telephony.ami.timing import Sleep, within
from gateway.telephony.interest import EVENT_CLASSES
from gateway.telephony.listing import take_snapshot
from gateway.telephony.masking import NAMES_END
from gateway.telephony.settings import PbxSettings

Change = Callable[[Message], Message]
"""What is done to each event before it is written: masking, or nothing."""


def encode_message(message: Message) -> bytes:
    """One event as Asterisk writes it. A header that repeats is written once for each of its values."""
    lines = [f"{name}: {_escaped(name, value)}\r\n" for name, values in message.items() for value in values.split("\n")]
    return "".join([*lines, "\r\n"]).encode("utf-8", "replace")


def _escaped(name: str, value: str) -> str:
    """As ``manager.c`` escapes names since 13.5: the reader undoes it."""
    return value.replace("\\", "\\\\") if name.endswith((*NAMES_END[:2], "ChanVariable")) else value


class Tape:
    """An open file, and what went into it."""

    def __init__(self, file: BinaryIO, change: Change) -> None:
        self.written = 0
        """Events so far."""
        self._file = file
        self._change = change

    def write(self, events: Iterable[Message], at: datetime) -> None:
        """Append events that were read at ``at``; one without a Timestamp gets that one, so that replays have times."""
        stamp = f"{at.timestamp():.6f}"
        for event in events:
            dated = event if "Timestamp" in event else {**event, "Timestamp": stamp}
            self._file.write(encode_message(self._change(dated)))
            self.written += 1
        self._file.flush()


async def record(
    settings: PbxSettings, tape: Tape, *, clock: Clock, seconds: float | None = None, sleep: Sleep = asyncio.sleep
) -> None:
    """Write what is open now, then every event, for ``seconds`` (None: until cancelled).

    Raises AmiError when the PBX can't be reached, refuses the account, or closes the connection; what was heard until
    then is on the tape. ValueError for a ``ca_file`` that can't be used.
    """
    address = AmiAddress(
        host=settings.host,
        port=settings.tcp_port,
        username=settings.username,
        secret=settings.secret,
        tls=tls_context(settings.ca_file) if settings.tls else None,
    )
    connection = AmiConnection(address.peer, clock=clock, sleep=sleep)

    async def listen() -> None:
        while True:
            batch = await connection.next_batch()
            tape.write(batch.events, batch.at)

    try:
        await connect(address, connection, sleep)
        await connection.greeting()
        await connection.login(address.username, address.secret, EVENT_CLASSES)
        snapshot = await take_snapshot(connection)
        listed = (*snapshot.channels, *snapshot.bridges, *snapshot.members, *snapshot.waiting)
        tape.write((dict(event) for event in listed), clock.now())
        if seconds is None:
            await listen()
        await within(seconds or 0.0, listen(), sleep)
    except TimeoutError:
        return
    finally:
        connection.abort(AmiClosed("the recording is over"))
