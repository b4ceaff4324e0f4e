"""Which folders of a mailbox this process reads, where several gateways share a database: one reads, others wait."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable

from gateway.core.errors import StoreUnavailable
from gateway.core.ports import Leases
from gateway.mail.imap.letters import cursor_name

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""How long a folder stays with a process that says nothing more: after so long the next one takes over."""
RENEWALS = 4
"""How often a lease is renewed in its time: three attempts may fail."""


class Turns:
    """The leases of one mailbox. Without ``leases`` everything is ours."""

    def __init__(self, mailbox: str, leases: Leases | None, seconds: float = LEASE_SECONDS) -> None:
        self._mailbox = mailbox
        self._leases = leases
        self._seconds = seconds
        self._mine: set[str] = set()

    @property
    def pause(self) -> float:
        """Seconds after which to ask again."""
        return self._seconds / RENEWALS

    def is_mine(self, folder: str) -> bool:
        """Whether this process reads it."""
        return self._leases is None or folder in self._mine

    async def ask(self, folders: Iterable[str]) -> None:
        """Take what is free, keep what is ours. While the database is away nobody can take anything from us."""
        if self._leases is None:
            return
        for folder in folders:
            try:
                mine = await self._leases.take(cursor_name(self._mailbox, folder), self._seconds)
            except StoreUnavailable:
                continue
            if mine == (folder in self._mine):
                continue
            log.info(
                "A folder is read by this process from now on." if mine else "A folder is read by another process now.",
                extra={"action": "imap_turn", "mailbox": self._mailbox, "folder": folder, "mine": mine},
            )
            self._mine ^= {folder}

    async def give_back(self) -> None:
        """Others may take over at once."""
        while self._leases is not None and self._mine:
            with contextlib.suppress(StoreUnavailable):  # then it runs out by itself
                await self._leases.give_back(cursor_name(self._mailbox, self._mine.pop()))
