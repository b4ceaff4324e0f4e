"""No letter costs more than seconds and some memory, measured in a process of its own.

Measured on a busy machine: at most 1.0 s of processor time (30 MB of boundary-like lines; all but four below 0.4 s)
and 120 MB, the interpreter among them. The bounds are 1 s and 200 MB; the test allows twice the time, as it guards the
order of growth and not the speed of the machine.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.integration.mail.bombs import BOMBS

CPU_SECONDS = 2.0
MEMORY_MB = 200
WALL_SECONDS = 120

_MEASURE = """
import json, sys, time
from datetime import UTC, datetime
from gateway.mail.inspect import inspect_mail
raw = sys.stdin.buffer.read()
began = time.process_time()
record = inspect_mail(raw, file="bomb", region="RU", now=datetime(2026, 11, 1, tzinfo=UTC))
seconds = time.process_time() - began
# VmHWM and not ru_maxrss: the latter is inherited from the process that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "mb": int(peak.split()[1]) // 1024, "problems": record["problems"]}))
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_within_bounds(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=BOMBS[name](), capture_output=True, timeout=WALL_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    measured = json.loads(done.stdout)
    assert measured["seconds"] < CPU_SECONDS, measured
    assert measured["mb"] < MEMORY_MB, measured
    assert not any("could not be parsed" in problem for problem in measured["problems"]), measured


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("100,000 parts", "The letter had more than 500 parts; the rest was not read."),
        ("100,000 headers", "The headers were too long; those beyond the limit were not read."),
        ("depth 900", "The letter was nested deeper than 50 levels; the rest was not read."),
        ("1 MB header line", "A header was too long and was cut."),
        ("30 MB of text", "The text was longer than 1048576 characters and was cut."),
        ("200,000 nested divs", "The HTML of the letter was too long or too deep; not all of it was read."),
    ],
)
def test_what_was_cut_is_named(name: str, sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=BOMBS[name](), capture_output=True, timeout=WALL_SECONDS, check=True
    )
    assert sentence in json.loads(done.stdout)["problems"]
