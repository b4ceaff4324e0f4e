"""The files of all that came in, by one number: of forms out of the folder, of letters out of the letter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import select

from gateway.capture.files import FileKeeper, Handed
from gateway.core.filetypes import HEAD, danger_of
from gateway.core.types import Channel
from gateway.mail.interpreter import MailInterpreter
from gateway.storage.store import Store
from gateway.storage.tables import Journal

SAFE_TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "application/pdf",
        "application/zip",
        "audio/mpeg",
        "audio/wav",
    }
)
"""Attachments that are handed out as what they call themselves; all others as bytes without a meaning."""
PLAIN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class AllFiles:
    """Implements ``web.api.files.Files``."""

    keeper: FileKeeper
    letters: MailInterpreter
    store: Store

    async def fetch(self, interaction_id: str, number: int) -> Handed | None:
        """File ``number`` (from 1) of an interaction; None where there is none. Raises StoreUnavailable, OSError."""
        return await self.keeper.fetch(interaction_id, number) or await self._attachment(interaction_id, number)

    async def _attachment(self, interaction_id: str, number: int) -> Handed | None:
        """Out of the newest raw copy of a letter: its bytes are in the journal, so they are kept once."""
        query = (
            select(Journal.raw, Journal.received_at)
            .where(Journal.interaction_id == interaction_id, Journal.channel == Channel.MAIL.value)
            .order_by(Journal.id.desc())
            .limit(1)
        )
        row = await self.store.read(lambda connection: connection.execute(query).one_or_none())
        found = await self.letters.attachment(row.raw, number, row.received_at) if row is not None else None
        if found is None:
            return None
        told, content = found
        return Handed(
            name=told.name,
            content_type=told.content_type if told.content_type in SAFE_TYPES else PLAIN,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            danger=danger_of(told.name, content[:HEAD]),
        )
