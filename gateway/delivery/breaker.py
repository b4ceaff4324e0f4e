"""Leaves a CRM alone that is down, and one that asked for patience. Pure; time is seconds of a monotonic clock."""

from __future__ import annotations

from gateway.delivery.verdict import JITTER, Random

THRESHOLD = 5
"""Failures in a row after which the CRM counts as down."""
PAUSES = (5.0, 15.0, 60.0, 300.0)
"""Seconds without any push after it was found down the first, second, ... time. Five minutes is also how late we
notice that a CRM is back."""
PATIENCE = 10.0
"""Seconds of peace for a CRM that throttles without saying for how long."""


class Breaker:
    """Counts what comes back from one CRM, and says how many pushes may be under way."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._pauses = 0
        self._closed_until = float("-inf")
        self._patient_until = float("-inf")

    @property
    def is_down(self) -> bool:
        """True from the failure that tripped it to the next answer."""
        return self._failures >= THRESHOLD

    def is_patient(self, now: float) -> bool:
        """True while the CRM has asked to be left alone."""
        return now < self._patient_until

    def answered(self) -> None:
        """The CRM gave an answer, if a bad one: it is up."""
        self._failures = 0
        self._pauses = 0
        self._closed_until = float("-inf")

    def failed(self, now: float) -> None:
        """No usable answer. Failures of pushes that were under way when the pause began don't lengthen it."""
        if now < self._closed_until:
            return
        self._failures += 1
        if self.is_down:
            pause = PAUSES[min(self._pauses, len(PAUSES) - 1)]
            self._closed_until = now + pause * (1 + JITTER * self._random())
            self._pauses += 1

    def throttled(self, now: float, seconds: float | None) -> None:
        """The CRM is up, and wants peace."""
        self.answered()
        wanted = PATIENCE if seconds is None else seconds
        self._patient_until = max(self._patient_until, now + wanted)

    def room(self, now: float, parallel: int) -> int:
        """How many pushes may be under way: none in a pause, one to try whether a CRM that was down is back."""
        if self.resumes_in(now) > 0:
            return 0
        return 1 if self.is_down else parallel

    def resumes_in(self, now: float) -> float:
        """Seconds to the end of the pause; 0 outside one."""
        return max(self._closed_until - now, self._patient_until - now, 0.0)
