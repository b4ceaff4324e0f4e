"""``[[crm]]`` of the configuration: what Leadgate itself needs to know of a CRM; the rest belongs to its adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from crm_adapter.base import Context, CrmAdapter
from crm_adapter.registry import UnknownAdapter, find
from gateway.delivery.events import EventType, wanted

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class CrmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One CRM. Several may be configured, of the same adapter too."""

    name: str
    """What people call it: ``office``. Its deliveries are stored under this name, so renaming it leaves them behind."""
    adapter: str
    """Which adapter speaks to it: ``bitrix24``, ``webhook``, ... or one that another package brings."""
    allow_private: bool | tuple[str, ...] = False
    """Hosts in your own network: these may be reached by plain http and at private addresses. True: this CRM's host."""
    events: tuple[str, ...] = ("*",)
    """Which events it is told of: ``lead.created``, ``call.*``. Default: all."""
    parallel: int = 16
    """Pushes under way at once. Events about one person always go one after the other."""
    per_second: float = 0.0
    """Pushes a second, for a receiver that can't take more. 0: no limit but the adapter's own."""
    alarm_minutes: int = 60
    """After so long a wait of the oldest delivery /health says so, and the owners and chiefs are told. 0: never."""
    options: dict[str, Any] = {}
    """The adapter's own keys, read by the adapter."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be of small letters, digits, - and _, at most 40 of them")
        if not 1 <= self.parallel <= 100:
            raise ValueError(f"parallel = {self.parallel} is out of range: 1 to 100")
        if not 0 <= self.per_second <= 10_000:
            raise ValueError(f"per_second = {self.per_second:g} is out of range: 0 to 10000 a second")
        if not 0 <= self.alarm_minutes <= 100_000:
            raise ValueError(f"alarm_minutes = {self.alarm_minutes} is out of range: 0 to 100000")
        for pattern in self.events:
            if not any(wanted((pattern,), known) for known in EventType):
                raise ValueError(f"events names {pattern!r}, which no event has; there are: {', '.join(EventType)}")
        self.build()  # the adapter judges its own keys

    def __repr__(self) -> str:
        return f"CrmSettings(name={self.name!r}, adapter={self.adapter!r})"  # options hold secrets

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> CrmSettings:
        """A ``[[crm]]`` table as it stands in the file. Raises ValueError with a sentence that begins with the key."""
        try:
            return msgspec.convert(split(table), cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None

    def build(self, context: Context | None = None) -> CrmAdapter:
        """The adapter, not connected yet. Raises ValueError with a sentence that begins with the key at fault.

        ``context``: what the gateway gives it (surroundings.py); without one it keeps nothing over restarts.
        """
        try:
            make = find(self.adapter)
        except UnknownAdapter as error:
            raise ValueError(f"adapter can't be used: {error}") from None
        return make(self.options, context or self.context())

    def context(self, **given: Any) -> Context:
        """The context of this CRM with what the gateway gives."""
        allowed = self.allow_private if isinstance(self.allow_private, bool) else frozenset(self.allow_private)
        return Context(name=self.name, allow_private=allowed, **given)


OWN_KEYS = frozenset(CrmSettings.__struct_fields__) - {"options"}


def split(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same table with the adapter's keys moved below ``options``."""
    own = {key: value for key, value in table.items() if key in OWN_KEYS}
    return own | {"options": {key: value for key, value in table.items() if key not in OWN_KEYS}}
