"""What the CRMs' adapters need of other rooms: the recordings of calls, as a file or as an address."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from crm_adapter.base import RecordingFile
from gateway.app.removal import places_of
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.delivery.surroundings import Surroundings
from gateway.delivery.worker import DeliveryWorker
from gateway.storage.store import Store
from gateway.storage.tables import Interaction
from gateway.telephony.recordings import RecordingMissing, find_file, is_url, url_for

log = logging.getLogger(__name__)

MOST_BYTES = 50 << 20
"""An hour of speech as MP3 is 15 MB, ten minutes of WAV 10 MB; more is not pushed through a CRM's interface."""


@dataclass(frozen=True, slots=True)
class CallRecordings:
    """Finds the recording of a call by ``[[pbx]] recordings``."""

    store: Store
    places: Mapping[str, str]
    """The name of each PBX -> the folder or URL template of its recordings."""

    async def file(self, call_id: str) -> RecordingFile | None:
        """The file, where it lies on this machine."""
        name, place = await self._name_and_place(call_id)
        if name is None or place is None or is_url(place):
            return None
        try:
            return await asyncio.to_thread(_read, name, Path(place))
        except (RecordingMissing, OSError) as error:
            extra = {"action": "recording_not_sent", "call": call_id, "reason": str(error)}
            log.info("A recording was not sent to a CRM.", extra=extra)
            return None

    async def url(self, call_id: str) -> str | None:
        """The address, where recordings are served at one."""
        name, place = await self._name_and_place(call_id)
        if name is None or place is None or not is_url(place):
            return None
        try:
            return url_for(name, place)
        except RecordingMissing:
            return None

    async def _name_and_place(self, call_id: str) -> tuple[str | None, str | None]:
        query = select(Interaction.details, Interaction.source_name).where(Interaction.id == call_id)
        row = await self.store.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None, None
        name = row.details.get("recording")
        return (name if isinstance(name, str) and name else None), self.places.get(row.source_name)


def _read(name: str, root: Path) -> RecordingFile | None:
    path, content_type = find_file(name, root)
    if path.stat().st_size > MOST_BYTES:
        raise RecordingMissing(f"The recording has more than {MOST_BYTES >> 20} MB.")
    return RecordingFile(name=path.name, content_type=content_type, content=path.read_bytes())


def make_delivery(settings: Settings, store: Store, clock: Clock) -> DeliveryWorker:
    """The worker with everything its adapters are given."""
    recordings = CallRecordings(store, places_of(settings))
    given = Surroundings(
        store=store,
        clock=clock,
        data=settings.data,
        keep=settings.retention.keep,
        language=settings.gateway.language,
        recording=recordings.file,
        recording_url=recordings.url,
    )
    return DeliveryWorker(store=store, clock=clock, crms=settings.crm, surroundings=given)
