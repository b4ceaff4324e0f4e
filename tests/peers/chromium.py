"""Chromium: the machine's own, else Debian's package that install.sh unpacks."""

from __future__ import annotations

import os
import shutil

from tests.peers.installed import PeerMissing, cache, root_of

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def program() -> str:
    """The browser to run. ``LEADGATE_CHROMIUM`` names another one. Raises PeerMissing."""
    if chosen := os.environ.get("LEADGATE_CHROMIUM"):
        return chosen
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is not None:
        return found
    unpacked = root_of("chromium") / "usr/lib/chromium/chromium"
    if not unpacked.exists():
        raise PeerMissing(f"{unpacked} is not there: remove its folder and run tests/peers/install.sh again")
    return str(unpacked)


def environment() -> dict[str, str]:
    """The tests' environment, and where an unpacked browser finds the libraries that the machine lacks."""
    unpacked = cache() / "chromium" / "usr/lib"
    folders = [str(folder) for folder in sorted(unpacked.glob("*-linux-gnu*"))]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)} if folders else dict(os.environ)
