"""Clients that cost little: raw requests over kept-alive connections, in a process of their own."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.harness import Measured

Request = Callable[[int], bytes]
"""The bytes of the n-th request; each different, as people are."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a load process does."""

    kind: str
    """``http`` or ``smtp``."""
    port: int
    connections: int
    count: int
    first: int
    """Number of the first item: no two runs send the same one."""


_numbers = itertools.count(1_000_000, 1_000_000)


def drive(kind: str, port: int, *, connections: int, count: int) -> Measured:
    """Send ``count`` items over ``connections`` and measure; in another process."""
    job = Job(kind, port, connections, count, next(_numbers))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        rate, p99 = pool.apply(_run, (job,))
    return Measured(rate=rate, p99_ms=p99)


def _run(job: Job) -> tuple[float, float]:
    return asyncio.run(_drive(job))


async def _drive(job: Job) -> tuple[float, float]:
    talk = {"http": _http, "smtp": _smtp}[job.kind]
    numbers = iter(range(job.first, job.first + job.count))
    times: list[float] = []
    streams = [await asyncio.open_connection("127.0.0.1", job.port) for _ in range(job.connections)]
    began = time.perf_counter()
    await asyncio.gather(*(talk(reader, writer, numbers, times) for reader, writer in streams))
    elapsed = time.perf_counter() - began
    for _, writer in streams:
        writer.close()
    times.sort()
    return job.count / elapsed, times[int(len(times) * 0.99)] * 1000


def form_body(number: int) -> bytes:
    """A form as a site would post it, six fields, another person each time."""
    return (
        f"name=Ivan+{number}&phone=%2B7926{number % 10_000_000:07d}&email=ivan{number}%40example.com"
        f"&message=Please+call+me+back+about+order+{number}&utm_source=yandex&page=https%3A%2F%2Fshop.example%2F"
    ).encode()


async def _http(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, numbers: Iterator[int], times: list[float]
) -> None:
    for number in numbers:
        body = form_body(number)
        began = time.perf_counter()
        writer.write(
            b"POST /f/site HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:80]!r}")
        start = head.lower().index(b"content-length:") + 15
        await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
        times.append(time.perf_counter() - began)


TEXT = ("Good day, please send me an offer for the following items. " * 8 + "\r\n") * 10
"""About 5 kB."""


async def _smtp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, numbers: Iterator[int], times: list[float]
) -> None:
    async def say(line: bytes, expected: bytes) -> None:
        writer.write(line)
        answer = await reader.readuntil(b"\r\n")
        while answer[3:4] == b"-":
            answer = await reader.readuntil(b"\r\n")
        if not answer.startswith(expected):
            raise RuntimeError(f"the server answered {answer!r}")

    await say(b"", b"220")
    await say(b"EHLO bench\r\n", b"250")
    for number in numbers:
        letter = (
            f"From: Ivan <ivan{number}@example.com>\r\nTo: info@company.example\r\nSubject: Order {number}\r\n"
            f"Message-ID: <{number}@bench>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{TEXT}"
        ).encode()
        began = time.perf_counter()
        await say(b"MAIL FROM:<ivan@example.com>\r\n", b"250")
        await say(b"RCPT TO:<info@company.example>\r\n", b"250")
        await say(b"DATA\r\n", b"354")
        await say(letter + b"\r\n.\r\n", b"250")
        times.append(time.perf_counter() - began)
