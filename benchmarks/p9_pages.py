"""P9: pages, reports and searches of the real gateway on a database of 100,000 leads and 1,000,000 interactions.

``LEADGATE_BENCH_LEADS`` and ``LEADGATE_BENCH_INTERACTIONS`` make it smaller. ``LEADGATE_BENCH_LARGE`` names a folder
that keeps the database for the next run: to make it takes some minutes. Beside each list stands the bare driver with a
statement that reads the same rows.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.harness import say
from benchmarks.large import make
from benchmarks.p12_start import cpu_seconds
from benchmarks.processes import Gateway, gateway
from benchmarks.signed_in import cookie, sign_in
from gateway.reports.catalogue import reports
from gateway.storage.store import DATABASE_FILE

LEADS = int(os.environ.get("LEADGATE_BENCH_LEADS", "100000"))
INTERACTIONS = int(os.environ.get("LEADGATE_BENCH_INTERACTIONS", "1000000"))
KEPT = os.environ.get("LEADGATE_BENCH_LARGE")
TIMES = int(os.environ.get("LEADGATE_BENCH_TIMES", "50"))
"""How often each page is asked for."""
GOAL_MS, SEARCH_GOAL_MS = 100, 150
PAUSE_SECONDS, PAUSE_SHARE = 0.005, 0.15
"""Between two requests: what is measured is how soon a page comes, not how many can be made. Without it Linux would
stop a process of real-time priority for 50 ms of every second."""
SETTLE_SECONDS, SETTLED_SECONDS = 240.0, 3.0
"""How long the gateway may take to come to rest, and how long it is looked at."""
HOURS = "[hours]\n" + "".join(f'{day} = ["09:00-18:00"]\n' for day in ("mon", "tue", "wed", "thu", "fri"))
SEARCHES = ("зззюю", "доставк", "Орлова Юлия", "8 926 009-99-90", "client777@example.com", "щъ")
"""What nobody has, what thousands have, a name, a phone as people write it, a mail address, two letters."""


@dataclass(frozen=True, slots=True)
class Page:
    """One address, and what the driver does for the same rows."""

    path: str
    goal_ms: int = GOAL_MS
    floor: str | None = None


def pages() -> list[Page]:
    """All that is measured."""
    middle = LEADS // 2
    lists = [
        Page("/", floor="SELECT * FROM callback WHERE closed_at IS NULL ORDER BY due_at, id LIMIT 50"),
        Page("/leads", floor="SELECT * FROM lead ORDER BY created_at DESC, id DESC LIMIT 51"),
        Page("/leads?status=won"),
        Page(f"/leads/l{middle:07d}", floor=f"SELECT * FROM interaction WHERE lead_id = 'l{middle:07d}'"),
        Page("/pipeline", floor="SELECT stage, count(*), sum(amount) FROM lead WHERE status = 'open' GROUP BY stage"),
        Page(
            "/calls",
            floor="SELECT * FROM interaction WHERE channel = 'call' ORDER BY occurred_at DESC, id DESC LIMIT 51",
        ),
        Page("/calls?outcome=missed"),
        Page("/calls?manager=none"),
        Page("/calls?line=999"),
        Page("/calls?direction=internal"),
        Page("/contacts", floor="SELECT * FROM contact ORDER BY created_at DESC, id DESC LIMIT 51"),
        Page(f"/contacts/p{middle:07d}"),
        Page("/contacts?lead=none"),
        Page("/contacts?quiet=180"),
        Page("/tasks?manager=all"),
        Page("/tasks?manager=all&view=overdue"),
        Page("/documents"),
        Page("/reports"),
        Page("/reports?period=30d"),
    ]
    found = [Page(f"/leads?q={quote(words)}", SEARCH_GOAL_MS) for words in SEARCHES]
    found += [Page(f"/{where}?q={quote(SEARCHES[2])}", SEARCH_GOAL_MS) for where in ("calls", "contacts")]
    keys = [report.key for report in reports([])]
    return [*lists, *found, *(Page(f"/reports/{key}?period={span}") for span in ("7d", "30d") for key in keys)]


def figures() -> list[str]:
    """A table: each page's first answer after the start, then the median and p99 of the others, what one of them
    costs of the gateway's processor time (which other work on the machine disturbs less), and the driver's median."""
    lines = [
        f"P9 server time in ms at {LEADS:,} leads, {INTERACTIONS:,} interactions; {TIMES} requests a page",
        "",
        "| page | first | p50 | p99 | processor | driver p50 | goal p99 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    with gateway(HOURS, _prepare) as standing:
        _rest(standing)
        for page in pages():
            say(page.path)
            lines.append(_line(standing, page))
    return lines


def _rest(standing: Gateway) -> None:
    """Until it has done what a new database makes it do at its start: a year's tasks and leads are reminded of."""
    until = time.monotonic() + SETTLE_SECONDS
    before = cpu_seconds(standing.pid)
    while time.monotonic() < until:
        time.sleep(SETTLED_SECONDS)
        now = cpu_seconds(standing.pid)
        if now - before < 0.05 * SETTLED_SECONDS:
            return
        before = now
    say(f"the gateway is still busy {SETTLE_SECONDS:.0f} s after its start: the figures are of a busy one")


def _line(standing: Gateway, page: Page) -> str:
    (first,) = _times(page.path, standing, 1)
    before = cpu_seconds(standing.pid)
    rest = sorted(_times(page.path, standing, TIMES))
    processor = (cpu_seconds(standing.pid) - before) * 1000 / TIMES
    p50, p99 = rest[len(rest) // 2], rest[int(len(rest) * 0.99)]
    floor = f"{_driver(standing.data, page.floor):.2f}" if page.floor else ""
    return f"| {page.path} | {first:.0f} | {p50:.1f} | {p99:.1f} | {processor:.0f} | {floor} | {page.goal_ms} |"


def _times(path: str, standing: Gateway, count: int) -> list[float]:
    """Milliseconds of each of ``count`` answers over one kept connection."""
    times = []
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie(0)}\r\n\r\n".encode()
    with closing(socket.create_connection(("127.0.0.1", standing.http))) as wire, wire.makefile("rb") as answers:
        for _ in range(count):
            began = time.perf_counter()
            wire.sendall(request)
            status, length = answers.readline(), 0
            if b" 200 " not in status:
                raise RuntimeError(f"{path} was answered with {status!r}")
            while (line := answers.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            answers.read(length)
            took = time.perf_counter() - began
            times.append(took * 1000)
            time.sleep(PAUSE_SECONDS + took * PAUSE_SHARE)
    return times


def _driver(data: Path, statement: str) -> float:
    """Median milliseconds of the statement with all its rows."""
    times = []
    with closing(sqlite3.connect(data / DATABASE_FILE)) as connection:
        for _ in range(TIMES):
            began = time.perf_counter()
            connection.execute(statement).fetchall()
            times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2]


def _prepare(data: Path) -> None:
    if KEPT is None:
        _make(data)
    else:
        kept = Path(KEPT)
        if not (kept / DATABASE_FILE).exists():
            _make(kept)
        data.mkdir(parents=True)
        shutil.copy(kept / DATABASE_FILE, data / DATABASE_FILE)
    sign_in(data, 1)


def _make(data: Path) -> None:
    say(f"makes a database of {LEADS:,} leads and {INTERACTIONS:,} interactions ...")
    make(data, leads=LEADS, interactions=INTERACTIONS)
