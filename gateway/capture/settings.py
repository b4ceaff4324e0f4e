"""How long personal data is kept: ``[retention]`` of the configuration, as far as capture writes it down."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from gateway.core.types import Channel

LONGEST_DAYS = 36_500


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days after which personal data may be removed."""

    days: int = 730
    """For calls, mails, forms, contacts and leads. 0 keeps them until somebody erases them."""
    calls: int | None = None
    """For calls, where they are kept for another time; 0: until somebody erases them."""
    mails: int | None = None
    """The same for letters."""
    forms: int | None = None
    """The same for forms."""
    recordings: int = 0
    """For the files of recordings in the folders of ``[[pbx]] recordings``; 0: only the PBX removes them."""

    def __post_init__(self) -> None:
        for name in ("days", "calls", "mails", "forms", "recordings"):
            days = getattr(self, name)
            if days is not None and not 0 <= days <= LONGEST_DAYS:
                raise ValueError(f"{name} = {days} is out of range: 0 (for ever) to {LONGEST_DAYS}")
        calls = self.of(Channel.CALL)
        if self.sound and calls and self.sound > calls:
            raise ValueError(
                f"recordings = {self.recordings} is longer than calls are kept ({calls.days} days): nobody knows then "
                f"whose they are. Give {calls.days} or less, or keep calls longer"
            )

    @property
    def keep(self) -> timedelta | None:
        """How long, or None for ever."""
        return timedelta(days=self.days) if self.days else None

    @property
    def sound(self) -> timedelta | None:
        """How long recordings are kept; None: Leadgate removes none because of its age."""
        return timedelta(days=self.recordings) if self.recordings else None

    def of(self, channel: Channel) -> timedelta | None:
        """How long an item of this channel is kept, or None for ever."""
        own = {Channel.CALL: self.calls, Channel.MAIL: self.mails, Channel.FORM: self.forms}[channel]
        days = self.days if own is None else own
        return timedelta(days=days) if days else None
