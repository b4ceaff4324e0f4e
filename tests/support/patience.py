"""How long a test waits for what must come; how long it took is never judged, since the machine may be busy."""

from __future__ import annotations

PATIENCE = 40.0
"""Seconds. Only a test that fails waits so long."""
