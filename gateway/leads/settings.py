"""``[leads]`` of the configuration."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class LeadsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a lead."""

    open_for_outbound: bool = False
    """Also a call or mail that we began opens a lead where the person has none. Off: it only joins an open one."""
    history_days: int = 30
    """Calls and letters read from logs, mailboxes and files that are older (days) open no lead and tell no CRM: they
    are history. 0: they all open leads, however old."""

    def __post_init__(self) -> None:
        if not 0 <= self.history_days <= 36_500:
            raise ValueError(f"history_days = {self.history_days} is out of range: 0 (no limit) to 36500")

    @property
    def history(self) -> timedelta | None:
        """The age from which on something read later is history; None for never."""
        return timedelta(days=self.history_days) if self.history_days else None
