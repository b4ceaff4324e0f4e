"""``[leads]`` of the configuration."""

from __future__ import annotations

import msgspec


class LeadsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a lead."""

    open_for_outbound: bool = False
    """Also a call or mail that we began opens a lead where the person has none. Off: it only joins an open one."""
