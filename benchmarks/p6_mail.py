"""P6: letters in a mailbox on a real Dovecot to leads, against fetching and against parsing alone.

Dovecot is the one of the tests (tests/peers/install.sh). The gateway does everything: it fetches, stores each letter
with its place in the folder, parses in its worker processes, and makes contacts and leads.
"""

from __future__ import annotations

import email
import email.policy
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from imapclient import IMAPClient

from benchmarks.harness import Benchmark, Contender, Measured
from benchmarks.p3_forms import wait_until_processed
from benchmarks.processes import Gateway, gateway
from tests.peers.dovecot import PASSWORD, DovecotServer
from tests.support.ports import LOOPBACK

COUNT = 20_000
SENDERS = 5_000
OCTETS = 5_000
SINGLE = 20
"""Letters delivered one after the other, for the time from the mail server to the lead."""
WAIT_SECONDS = 600


def letter(number: int) -> bytes:
    """5 kB with Russian text in quoted-printable, a signature with a phone, and an HTML alternative."""
    line = "=D0=A1=D0=BA=D0=BE=D0=BB=D1=8C=D0=BA=D0=BE =D1=81=D1=82=D0=BE=D0=B8=D1=82 delivery?=0A\n"
    text = line * 20 + f"--=20\nIvan {number}\n+7 926 {number % 1000:03d}-{number // 1000 % 100:02d}-45\n"
    html = f"<html><body><p>How much is it? {number}</p>" + "<p>Text of a paragraph</p>\n" * 80 + "</body></html>\n"
    body = (
        f"--B\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{text}\n"
        f"--B\nContent-Type: text/html; charset=utf-8\n\n{html}\n--B--\n"
    )
    head = (
        f"Return-Path: <ivan{number}@example.org>\nReceived: from mx by host; Sun, 22 Nov 2026 08:00:00 +0300\n"
        f"From: Ivan <ivan{number % SENDERS}@example.org>\nTo: sales@company.example\nSubject: Price {number}\n"
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\nMessage-ID: <{number}@example.org>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="B"\n\n'
    )
    raw = (head + body).encode()
    return raw + b"x" * max(0, OCTETS - len(raw))


@contextmanager
def mailbox(count: int) -> Iterator[tuple[DovecotServer, str]]:
    """A Dovecot with ``count`` letters for one user."""
    server = DovecotServer.start()
    try:
        user = server.new_user()
        server.maildir(user)
        for number in range(count):
            server.deliver(user, letter(number))
        yield server, user
    finally:
        server.stop()


def settings_of(server: DovecotServer, user: str) -> str:
    """The configuration's table."""
    return (
        f'[[mailbox]]\nname = "sales"\nhost = "{LOOPBACK}"\nport = {server.port}\nusername = "{user}"\n'
        f'password = "{PASSWORD}"\ntls = "none"\nsince = "all"\nsent_folder = ""\n'
    )


@contextmanager
def benchmark() -> Iterator[list[Benchmark]]:
    """The whole way against parsing alone, and what fetching alone is."""
    with mailbox(COUNT) as (server, user):
        raws = [letter(number) for number in range(2_000)]
        yield [
            Benchmark(
                row="P6",
                work=f"{COUNT:,} letters of 5 kB from Dovecot to leads",
                unit="letters/s",
                floor=Contender(name="stdlib parser alone, one core", run=lambda: parse(raws)),
                subjects=[
                    Contender(name="imapclient, FETCH alone", run=lambda: fetch(server, user)),
                    Contender(name="leadgate", run=lambda: to_leads(server, user)),
                ],
                goal="0.35",
            )
        ]


def parse(raws: list[bytes]) -> Measured:
    """Every part decoded, as the cheapest reader must."""
    began = time.perf_counter()
    for raw in raws:
        for part in email.message_from_bytes(raw, policy=email.policy.compat32).walk():
            part.get_payload(decode=True)
    return Measured(rate=len(raws) / (time.perf_counter() - began))


def fetch(server: DovecotServer, user: str) -> Measured:
    """Batches of 100 by UID, thrown away."""
    with IMAPClient(LOOPBACK, server.port, ssl=False) as client:
        client.login(user, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        uids = client.search("ALL")
        began = time.perf_counter()
        for start in range(0, len(uids), 100):
            client.fetch(uids[start : start + 100], ["BODY.PEEK[]", "RFC822.SIZE", "INTERNALDATE"])
        return Measured(rate=len(uids) / (time.perf_counter() - began))


def to_leads(server: DovecotServer, user: str) -> Measured:
    """From the start of a gateway with an empty database until every letter was processed."""
    began = time.perf_counter()
    with gateway(settings_of(server, user)) as ours:
        until(ours, "SELECT count(*) FROM journal", COUNT)
        wait_until_processed(ours)
        return Measured(rate=COUNT / (time.perf_counter() - began))


def until(ours: Gateway, query: str, count: int) -> float:
    """Wait for a number in the gateway's database; the seconds that took. Raises TimeoutError."""
    began = time.perf_counter()
    with closing(sqlite3.connect(f"file:{ours.data / 'leadgate.db'}?mode=ro", uri=True)) as connection:
        while connection.execute(query).fetchone()[0] < count:
            if time.perf_counter() - began > WAIT_SECONDS:
                raise TimeoutError(query)
            time.sleep(0.02)
    return time.perf_counter() - began


def figures() -> list[str]:
    """Sentences: from the mail server to the lead, with IDLE."""
    with mailbox(0) as (server, user), gateway(settings_of(server, user)) as ours:
        time.sleep(2.0)
        taken = []
        for number in range(1, SINGLE + 1):
            server.deliver(user, letter(SENDERS + number))
            taken.append(until(ours, "SELECT count(*) FROM lead", number))
            time.sleep(0.3)
    slowest = sorted(taken)[-2:][0]
    said = (
        f"P6 new letter to lead with IDLE, {SINGLE} letters: median {statistics.median(taken):.2f} s, the slowest but "
        f"one {slowest:.2f} s (goal 1 s; 0.5 s of it is Dovecot's own batching)"
    )
    return [said]


if __name__ == "__main__":  # one round of everything, for a look
    with mailbox(COUNT) as (running_server, name):
        print(fetch(running_server, name), parse([letter(number) for number in range(2_000)]), Path.cwd())
        print(to_leads(running_server, name))
    print(*figures(), sep="\n")
