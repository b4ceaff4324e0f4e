"""What the gateway gives to the adapters: the map of ids, our people, recordings, a place for tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from crm_adapter.base import Context, RecordingFile, no_recording, no_recording_url
from crm_adapter.people import Manager as Person
from crm_adapter.vault import FileVault
from gateway.core.clock import Clock
from gateway.delivery.links import StoredLinks
from gateway.delivery.settings import CrmSettings
from gateway.storage.store import Store
from gateway.storage.tables import Manager

VAULT_FOLDER = "crm"
"""Below the data folder: one file a CRM, readable by us alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Makes the context of each CRM."""

    store: Store
    clock: Clock
    data: Path
    """The data folder."""
    keep: timedelta | None = None
    language: str = "en"
    """Of the words that the adapters write themselves."""
    recording: Callable[[str], Awaitable[RecordingFile | None]] = no_recording
    """The recording of the call of an id."""
    recording_url: Callable[[str], Awaitable[str | None]] = no_recording_url
    """Its address."""

    def context(self, crm: CrmSettings) -> Context:
        """For the adapter of ``crm``."""
        return crm.context(
            language=self.language,
            now=self.clock.now,
            links=StoredLinks(self.store, crm.name, self.clock, self.keep),
            managers=self.managers,
            recording=self.recording,
            recording_url=self.recording_url,
            vault=vault_of(self.data, crm.name),
        )

    async def managers(self) -> Sequence[Person]:
        """Everybody who is not locked out. Raises StoreUnavailable."""
        return await self.store.read(people)


def vault_of(data: Path, crm: str) -> FileVault:
    """Where the tokens of a CRM are kept. Whoever asks a CRM with tokens that change must give it this: a token that is
    spent and not kept locks the gateway out."""
    return FileVault(data / VAULT_FOLDER / f"{crm}.token.json")


def people(connection: Connection) -> list[Person]:
    """Our managers as the adapters know them."""
    columns = (Manager.id, Manager.login, Manager.name, Manager.email, Manager.mobile, Manager.extensions)
    rows = connection.execute(select(*columns).where(Manager.disabled_at.is_(None)).order_by(Manager.login))
    return [
        Person(
            id=row.id,
            login=row.login,
            name=row.name,
            email=row.email,
            mobile=row.mobile,
            extensions=tuple(row.extensions),
        )
        for row in rows
    ]
