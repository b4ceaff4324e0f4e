"""The tables that belong to no room: ``[gateway]``, ``[log]``, and those that later versions use."""

from __future__ import annotations

import difflib
import zoneinfo
from typing import Literal

import msgspec
import phonenumbers

from gateway.core.address import canonical_address
from gateway.core.phone import to_e164


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[gateway]``: where the company is, and where its data are."""

    region: str = "RU"
    """Two-letter country (ISO 3166-1) whose national phone numbers are written without a country code."""
    timezone: str = "Europe/Moscow"
    """IANA name of the zone that times are shown in."""
    language: Literal["ru", "en"] = "ru"
    """Language of the pages until a user chooses."""
    data: str = "./data"
    """Folder of the database and the spool, relative to the working directory."""
    own_numbers: tuple[str, ...] = ()
    """The company's own phone numbers, as people write them: they are never a contact."""
    own_addresses: tuple[str, ...] = ()
    """The company's own mail addresses: a letter from one of them is ours, and none is ever a contact."""
    own_domains: tuple[str, ...] = ()
    """The company's own mail domains, as example.com: the same for every address there."""
    mail_servers: tuple[str, ...] = ()
    """Names by which your own mail servers sign Authentication-Results (RFC 8601), as mx.example.com: what they found
    out about a sender (SPF, DKIM, DMARC) is believed and shown."""

    def __post_init__(self) -> None:
        if self.region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"region {self.region!r} is no two-letter country code. Write RU, KZ, DE, US, ...")
        for number in self.own_numbers:
            if to_e164(number, self.region) is None:
                raise ValueError(f"own_numbers: {number!r} is no phone number. Write it like +74951234567")
        for address in self.own_addresses:
            if canonical_address(address) is None:
                raise ValueError(f"own_addresses: {address!r} is no mail address. Write it like info@example.com")
        for domain in self.own_domains:
            if canonical_address(f"x@{domain}") != f"x@{domain}":
                raise ValueError(f"own_domains: {domain!r} is no domain in small letters. Write it like example.com")
        if not self.data.strip():
            raise ValueError("data is empty. Name a folder, like ./data")
        try:
            zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            near = difflib.get_close_matches(self.timezone, sorted(zoneinfo.available_timezones()), n=1)
            hint = f"Did you mean {near[0]}?" if near else "Write it like Europe/Moscow."
            raise ValueError(f"timezone {self.timezone!r} is not known. {hint}") from None


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: what is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important message that is written."""
    format: Literal["auto", "human", "json"] = "auto"
    """``auto``: for people on a terminal, one JSON object a line otherwise."""


class ManagerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[manager]]``: a person of the company, brought into the database at each start."""

    id: str
    """What they type to sign in, and how rules and imports call them."""
    name: str
    extensions: tuple[str, ...] = ()
    """Internal numbers, in quotes."""
    mobile: str | None = None
    email: str | None = None
    role: Literal["owner", "chief", "manager", "auditor"] = "manager"
    hours: str | None = None
    """Name of the [[hours.schedule]] that they keep; none: the company's."""
