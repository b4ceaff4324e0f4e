"""What all tests share: the real servers and a real store."""

from __future__ import annotations

pytest_plugins = ["tests.peers.plugin", "tests.support.store", "tests.support.canaries"]
