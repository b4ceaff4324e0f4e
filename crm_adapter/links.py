"""The map from our ids to the CRM's. The gateway keeps it in its database; MemoryLinks is for tests and single runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known of one of our things at the CRM."""

    remote_id: str | None = None
    """None: it was never made, or nobody knows (``in_doubt``)."""
    url: str | None = None
    in_doubt: bool = False
    """It was sent and no answer came: the CRM is searched for it before it is sent again."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the adapter wants to remember of it: a digest of what was sent last, the owner that was set."""


class Links(Protocol):
    """Written at once and for good: a link that is lost is a record made twice."""

    async def get(self, kind: str, local_id: str) -> Link | None:
        """``kind``: ``contact``, ``lead``, ``call``, ``mail``, ``form``."""
        ...

    async def put(self, kind: str, local_id: str, link: Link) -> None:
        """Returns when it is kept. Replaces what was there."""
        ...


class MemoryLinks:
    """Implements ``Links`` until the program ends."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Link] = {}

    async def get(self, kind: str, local_id: str) -> Link | None:
        """The link, if there is one."""
        return self.kept.get((kind, local_id))

    async def put(self, kind: str, local_id: str, link: Link) -> None:
        """Keep it."""
        self.kept[kind, local_id] = link
