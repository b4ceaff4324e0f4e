"""Where install.sh puts the real servers, and whether they are there."""

from __future__ import annotations

import os
from pathlib import Path


class PeerMissing(Exception):
    """A real server can't run on this machine. The text says why, and what to do."""


def cache() -> Path:
    """The folder of the installed servers: the same rule as in install.sh."""
    if chosen := os.environ.get("LEADGATE_PEERS_CACHE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/leadgate-peers")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadgate-peers"


def root_of(name: str) -> Path:
    """The unpacked packages of one server, such as ``postgresql`` or ``asterisk16``. Raises PeerMissing."""
    root = cache() / name
    if not (root / ".complete").exists():
        raise PeerMissing(f"{name} is not in {cache()}: run tests/peers/install.sh (Debian or Ubuntu)")
    return root


def required() -> bool:
    """True where a missing server must fail the tests: in CI."""
    return os.environ.get("REQUIRE_PEERS") == "1"
