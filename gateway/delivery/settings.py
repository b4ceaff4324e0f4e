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
    """Which adapter speaks to it: ``webhook``, ``memory``, or one that another package brings."""
    allow_private: bool | tuple[str, ...] = False
    """Hosts in your own network: these may be reached by plain http and at private addresses. True: this CRM's host."""
    events: tuple[str, ...] = ("*",)
    """Which events it is told of: ``lead.created``, ``call.*``. Default: all."""
    parallel: int = 16
    """Pushes under way at once. Events about one person always go one after the other."""
    options: dict[str, Any] = {}
    """The adapter's own keys, read by the adapter."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} must be of small letters, digits, - and _, at most 40 of them")
        if not 1 <= self.parallel <= 100:
            raise ValueError(f"parallel = {self.parallel} is out of range: 1 to 100")
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

    def build(self) -> CrmAdapter:
        """The adapter, not connected yet. Raises ValueError with a sentence that begins with the key at fault."""
        allowed = self.allow_private if isinstance(self.allow_private, bool) else frozenset(self.allow_private)
        try:
            make = find(self.adapter)
        except UnknownAdapter as error:
            raise ValueError(f"adapter can't be used: {error}") from None
        return make(self.options, Context(name=self.name, allow_private=allowed))


OWN_KEYS = frozenset(CrmSettings.__struct_fields__) - {"options"}


def split(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same table with the adapter's keys moved below ``options``."""
    own = {key: value for key, value in table.items() if key in OWN_KEYS}
    return own | {"options": {key: value for key, value in table.items() if key not in OWN_KEYS}}
