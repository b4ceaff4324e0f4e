"""How long personal data is kept: ``[retention]`` of the configuration, as far as capture writes it down."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days after which personal data may be removed."""

    days: int = 730
    """For calls, mails, forms, contacts and leads. 0 keeps them until somebody erases them."""

    def __post_init__(self) -> None:
        if not 0 <= self.days <= 36_500:
            raise ValueError(f"days = {self.days} is out of range: 0 (for ever) to 36500")

    @property
    def keep(self) -> timedelta | None:
        """How long, or None for ever."""
        return timedelta(days=self.days) if self.days else None
