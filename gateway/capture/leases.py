"""Who may do what only one process should do at a time: rows of the table ``lease``.

Two gateways on one database share its mailboxes: one reads a folder, the other stands by and takes over when the first
stops or dies. The moments are the database's own, so that it does not matter how the clocks of the machines go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.storage.store import Store

_NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())",
}
"""Seconds since 1970, by the dialect's name."""


@dataclass(frozen=True, slots=True)
class StoredLeases:
    """Implements ``core.ports.Leases``."""

    store: Store
    holder: Callable[[], str]
    """Gives the id under which this gateway holds; the same after a restart, so that what died with a lease goes on at
    once, and another one for each gateway on the database."""

    async def take(self, name: str, seconds: float) -> bool:
        """Take it, or keep it for longer; False while another process has it. Raises StoreUnavailable."""
        return await self.store.write(lambda connection: take(connection, name, self.holder(), seconds))

    async def give_back(self, name: str) -> None:
        """Let the next one have it at once. Raises StoreUnavailable."""
        await self.store.write(lambda connection: give_back(connection, name, self.holder()))


def take(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """In one statement, so that of two who ask at one moment one gets it."""
    now = _NOW[connection.dialect.name]
    statement = (
        f"INSERT INTO lease (name, holder, expires) VALUES (:name, :holder, {now} + :seconds) "  # noqa: S608 - _NOW
        "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires "
        f"WHERE lease.holder = excluded.holder OR lease.expires < {now}"
    )
    done = connection.execute(text(statement), {"name": name, "holder": holder, "seconds": seconds})
    return done.rowcount == 1


def give_back(connection: Connection, name: str, holder: str) -> None:
    """Only what one holds oneself."""
    statement = text("DELETE FROM lease WHERE name = :name AND holder = :holder")
    connection.execute(statement, {"name": name, "holder": holder})
