"""strace(1), which looks on and strikes in the fault tests: the machine's own, else the one that install.sh unpacks."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from tests.peers.installed import PeerMissing, cache, root_of


def program() -> str:
    """The one to run. Raises PeerMissing."""
    return shutil.which("strace") or str(_unpacked())


def environment() -> dict[str, str]:
    """The tests' environment, and where an unpacked strace finds the libraries that the machine lacks."""
    folders = [str(folder) for folder in sorted((cache() / "strace/usr/lib").glob("*-linux-gnu*"))]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)} if folders else dict(os.environ)


@functools.cache
def check() -> None:
    """Raises PeerMissing where it is not there, or ptrace(2) is forbidden."""
    done = subprocess.run(
        [program(), "-qq", "-o", "/dev/null", "true"], env=environment(), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise PeerMissing(f"strace can't trace here, allow ptrace(2): {done.stderr.strip()}")


def _unpacked() -> Path:
    found = root_of("strace") / "usr/bin/strace"
    if not found.exists():
        raise PeerMissing(f"{found} is not there: remove its folder and run tests/peers/install.sh again")
    return found
