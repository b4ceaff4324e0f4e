"""Whom a rotation gave a caller minutes ago: asked again during the same call, it gives the same one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

KEPT_FOR = timedelta(minutes=15)
KEPT = 4096


class Recent:
    """Choices by rule and person. In memory only: after a restart the rotation chooses anew. Safe between threads."""

    def __init__(self, kept_for: timedelta = KEPT_FOR, limit: int = KEPT) -> None:
        self._kept_for = kept_for
        self._limit = limit
        self._choices: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, rule: str, person: str, manager_id: str, at: datetime) -> None:
        """``person``: a handle's value."""
        with self._lock:
            self._choices.pop((rule, person), None)
            self._choices[rule, person] = (manager_id, at)
            while len(self._choices) > self._limit:
                self._choices.popitem(last=False)

    def chosen(self, rule: str, person: str, at: datetime) -> str | None:
        """The manager's id, unless it is too long ago."""
        with self._lock:
            choice = self._choices.get((rule, person))
        if choice is None or at - choice[1] > self._kept_for:
            return None
        return choice[0]
