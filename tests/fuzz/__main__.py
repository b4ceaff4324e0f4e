"""``python -m tests.fuzz SECONDS [NAME]...``: every target for its share of the time, two at once; what broke is kept.

New inputs that reach new code go to ``.fuzz/NAME`` (git ignores it) and are begun with the next time; an input that
breaks a promise is named at the end: put it into ``tests/fuzz/regressions/NAME`` with the mend.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import HERE, TARGETS, Target

WORK = Path(".fuzz")
AT_ONCE = 2
SLOWEST = 10
"""Seconds for one input of some KiB: beyond, it is a way to stop the gateway."""
MEMORY = 2048
"""MiB of the whole process, the fuzzer's own tables among them."""
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one target."""

    name: str
    executions: int
    found: tuple[Path, ...]
    """Inputs that broke a promise."""
    ended: int
    """The exit code of the fuzzer."""


def fuzz(target: Target, seconds: int) -> Result:
    """Run one target for so long, or until it finds something."""
    grown, broken = WORK / target.name, WORK / "broken" / target.name
    grown.mkdir(parents=True, exist_ok=True)
    broken.mkdir(parents=True, exist_ok=True)
    words = WORK / f"{target.name}.words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words), encoding="ascii")
    before = set(broken.iterdir())
    seeds = [HERE / folder / target.name for folder in ("corpus", "regressions")]
    command = [
        sys.executable, "-m", "tests.fuzz.engine", target.name,
        f"-max_total_time={seconds}", f"-max_len={target.longest}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={broken}/", *([f"-dict={words}"] if target.words else []),
        "-print_final_stats=1", "-verbosity=0", str(grown), *(str(folder) for folder in seeds if folder.is_dir()),
    ]  # fmt: skip
    log = WORK / f"{target.name}.log"
    with log.open("wb") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False, env=dict(os.environ))
    told = _EXECUTIONS.findall(log.read_text("utf-8", "replace"))
    found = tuple(sorted(set(broken.iterdir()) - before))
    return Result(name=target.name, executions=sum(map(int, told)), found=found, ended=done.returncode)


def _quoted(word: str) -> str:
    """As libFuzzer reads words: whatever is no letter or digit in hexadecimal."""
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"\\x{byte:02X}" for byte in word.encode())


def fuzz_all(seconds: int, names: list[str]) -> Iterator[Result]:
    """Each target for an equal share."""
    share = max(1, seconds * AT_ONCE // len(names))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda name: fuzz(TARGETS[name], share), names)


def main() -> int:
    """1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("seconds", type=int)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}; default: all")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in TARGETS]
    if unknown:
        parser.error(f"no target is named {', '.join(unknown)}")
    results = list(fuzz_all(arguments.seconds, arguments.names or list(TARGETS)))
    for result in results:
        print(f"{result.name:6}{result.executions:12,} executions, ended with {result.ended}")
        for path in result.found:
            print(f"       broken by {path}; see {WORK / result.name}.log")
    return int(any(result.found or result.ended for result in results))


if __name__ == "__main__":
    sys.exit(main())
