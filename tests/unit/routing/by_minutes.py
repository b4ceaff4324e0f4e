"""Working time minute by minute: slow and obvious, the measure of gateway.routing.hours.

It knows nothing of spans, offsets or caches: it looks at the clock on the wall at each minute.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

from gateway.routing.week import DAY_MINUTES, Day

MINUTE = timedelta(minutes=1)


class ByMinutes:
    """The same questions as ``Hours``, for moments on whole minutes and zones whose offset is whole minutes."""

    def __init__(self, zone: tzinfo, day: Callable[[date], Day]) -> None:
        self.zone = zone
        self.day = day

    def is_open(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = self.day(local.date()), self.day(local.date() - timedelta(days=1))
        return any(interval.start <= minute < interval.end for interval in today) or any(
            minute + DAY_MINUTES < interval.end for interval in yesterday
        )

    def next_working_moment(self, moment: datetime, limit: int) -> datetime | None:
        """Within ``limit`` minutes."""
        moment = moment.astimezone(UTC)
        return next((at for step in range(limit) if self.is_open(at := moment + step * MINUTE)), None)

    def add_working_time(self, moment: datetime, minutes: int, limit: int) -> datetime | None:
        moment = moment.astimezone(UTC)
        if minutes == 0:
            return self.next_working_moment(moment, limit)
        for step in range(limit):
            minutes -= self.is_open(moment + step * MINUTE)
            if minutes == 0:
                return moment + (step + 1) * MINUTE
        return None

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        minutes = int((end - start) / MINUTE)
        return sum(self.is_open(start + step * MINUTE) for step in range(minutes)) * MINUTE
