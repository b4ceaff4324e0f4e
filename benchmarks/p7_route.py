"""P7: who gets this caller, asked over FastAGI by 50 connections at once, among 1,000,000 contacts.

Floor: asyncio streams and a dict that holds every number. Ours: the gateway's own server, rules and database. Both
speak to the same client in the same process, so the p99 of "500 a second" has the client's share in it too.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from benchmarks.harness import Benchmark, Contender, Measured
from gateway.app import settle_memory
from gateway.app.routing import answer_of
from gateway.core.clock import SystemClock
from gateway.routing.assign import Assigner
from gateway.routing.calendars import Schedules
from gateway.routing.live import LiveRouter
from gateway.routing.reader import PointReader
from gateway.routing.rules import RoutingSettings
from gateway.storage.bulk import insert_rows
from gateway.storage.migrations import upgrade
from gateway.storage.settings import StorageSettings
from gateway.storage.store import Store
from gateway.storage.tables import Contact, ContactHandle, Manager, table_of
from gateway.telephony.agi.server import AgiServer
from gateway.telephony.settings import PbxSettings

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONTACTS = 1_000_000
MANAGERS = 20
CONNECTIONS = 50
QUESTIONS = 3000
PER_SECOND = 500
SECRET = "a-word-for-benchmarks"
LOOPBACK = "127.0.0.1"


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """On a database in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="leadgate-bench-") as folder:
        data = Path(folder)
        upgrade(StorageSettings(), data)
        store = Store.open(StorageSettings(), data)
        _fill(store)
        owners = {_number(number): str(100 + number % MANAGERS) for number in range(CONTACTS)}
        floor, ours = _floor(owners), _ours(data)
        yield [
            _row("as many as it can", ours, floor, None, "0.70"),
            _row(f"{PER_SECOND} a second", ours, floor, PER_SECOND, "p99 <= 10 ms"),
        ]
        asyncio.run(store.stop())


Serving = Callable[[Callable[[int], Awaitable[Measured]]], Awaitable[Measured]]
"""Starts a server, calls what it is given with the port, stops it."""


def _row(way: str, ours: Serving, floor: Serving, rate: int | None, goal: str) -> Benchmark:
    def run(serving: Serving) -> Measured:
        return asyncio.run(_measured(serving, rate))

    return Benchmark(
        row="P7",
        work=f"FastAGI, {CONTACTS:,} contacts, {CONNECTIONS} at once, {way}",
        unit="answers/s",
        floor=Contender(name="asyncio streams + dict", run=lambda: run(floor)),
        subjects=[Contender(name="leadgate", run=lambda: run(ours))],
        goal=goal,
    )


async def _measured(serving: Serving, rate: int | None) -> Measured:
    return await serving(lambda port: _drive(port, rate))


def _number(number: int) -> str:
    return f"+7926{number:07d}"


def _fill(store: Store) -> None:
    contact, handle = table_of(Contact), table_of(ContactHandle)
    with store.writer.engine.begin() as connection:
        people = [
            {"id": f"m{n}", "login": f"m{n}", "name": f"M{n}", "role": "manager", "extensions": [str(100 + n)],
             "created_at": NOW}
            for n in range(MANAGERS)
        ]  # fmt: skip
        connection.execute(insert(Manager), people)
        for start in range(0, CONTACTS, 50_000):
            numbers = range(start, start + 50_000)
            insert_rows(connection, contact, [
                {"id": f"c{n}", "owner_id": f"m{n % MANAGERS}", "created_at": NOW, "updated_at": NOW} for n in numbers
            ])  # fmt: skip
            insert_rows(connection, handle, [
                {"kind": "phone", "value": _number(n), "contact_id": f"c{n}", "created_at": NOW} for n in numbers
            ])  # fmt: skip


def _floor(owners: dict[str, str]) -> Serving:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readuntil(b"\n\n")
        caller = header.partition(b"agi_callerid: ")[2].partition(b"\n")[0].decode()
        for name, value in (("EXTEN", owners.get(caller, "")), ("MANAGER", ""), ("CONTACT", ""), ("RULE", ""),
                            ("NAME", ""), ("OK", "1")):  # fmt: skip
            writer.write(f'SET VARIABLE LEADGATE_{name} "{value}"\n'.encode())
            await reader.readline()
        writer.close()

    async def serving(drive: Callable[[int], Awaitable[Measured]]) -> Measured:
        server = await asyncio.start_server(serve, LOOPBACK, 0, backlog=256)
        try:
            return await drive(server.sockets[0].getsockname()[1])
        finally:
            server.close()

    return serving


def _ours(data: Path) -> Serving:
    settings = PbxSettings(
        name="office", host=LOOPBACK, username="u", secret="s", agi_listen=f"{LOOPBACK}:0", agi_secret=SECRET
    )

    async def serving(drive: Callable[[int], Awaitable[Measured]]) -> Measured:
        store, clock = Store.open(StorageSettings(), data), SystemClock()
        schedules = Schedules.of(None, timezone="Europe/Moscow", region="RU")
        assigner = Assigner(RoutingSettings(), schedules, region="RU", timezone="Europe/Moscow")
        reader = PointReader(store, clock)
        server = AgiServer(settings, answer_of(LiveRouter(store, reader, assigner, clock), "office", names=True), clock)
        await store.start()
        await reader.start()
        await server.start()
        settle_memory()
        try:
            return await drive(server.port)
        finally:
            await server.stop()
            await reader.stop()
            await store.stop()

    return serving


async def _drive(port: int, rate: int | None) -> Measured:
    chance = random.Random(7)
    callers = iter([_number(chance.randrange(CONTACTS)) for _ in range(QUESTIONS)])
    waits: list[float] = []
    began = time.perf_counter()

    async def caller() -> None:
        waits.extend([await _ask(port, number) for number in callers])

    async def beat(rate: int) -> None:
        """On a fixed beat, whoever is late: waiting for the slow would hide them."""
        tasks = []
        for position, number in enumerate(callers):
            await asyncio.sleep(max(0.0, began + position / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(_ask(port, number)))
        waits.extend(await asyncio.gather(*tasks))

    if rate is None:
        await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    else:
        await beat(rate)
    elapsed = time.perf_counter() - began
    return Measured(rate=len(waits) / elapsed, p99_ms=sorted(waits)[int(len(waits) * 0.99)] * 1000)


async def _ask(port: int, caller: str) -> float:
    """Seconds until the last variable. Raises AssertionError where there is no extension."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(
        f"agi_network: yes\nagi_network_script: {SECRET}/route\nagi_request: agi://x\nagi_channel: PJSIP/trunk-1\n"
        f"agi_uniqueid: 1.1\nagi_callerid: {caller}\nagi_extension: 74950000101\nagi_arg_1: 74950000101\n\n".encode()
    )
    lines = []
    while line := await reader.readline():
        lines.append(line)
        writer.write(b"200 result=1\n")
        if b"_OK" in line:
            break
    waited = time.perf_counter() - began
    writer.close()
    assert lines[:1], "no answer"
    assert b'LEADGATE_EXTEN "1' in lines[0]
    return waited
