"""``[summary]`` of the configuration."""

from __future__ import annotations

from datetime import time

import msgspec


class SummarySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the owner is told without asking."""

    daily: str | None = None
    """When the summary of the days before is sent on working days, as ``08:30`` in [gateway] timezone; none: never."""
    to: tuple[str, ...] = ()
    """Logins of those who get it; none: every owner and chief with a mail address."""

    def __post_init__(self) -> None:
        if self.daily is not None and self.at is None:
            raise ValueError(f'daily = {self.daily!r} is no time of the day. Write it like "08:30"')

    @property
    def at(self) -> time | None:
        """The time of the day; None: never."""
        try:
            return time.fromisoformat(self.daily) if self.daily is not None and len(self.daily) == 5 else None
        except ValueError:
            return None
