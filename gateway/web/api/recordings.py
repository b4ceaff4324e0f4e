"""``GET /api/v1/calls/{id}/recording``: the sound of a call, in parts if asked for (Range, RFC 9110 section 14)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from sqlalchemy import Connection, select

from gateway.audit.log import Deed, record
from gateway.core.clock import Clock
from gateway.core.types import Channel
from gateway.storage.store import Store
from gateway.storage.tables import Interaction
from gateway.telephony.recordings import RecordingMissing, find_file, is_url, url_for
from gateway.web.access import viewer_of
from gateway.web.problems import Refused
from gateway.web.queries.interactions import visible_interactions

RECORDING_PATH = "/api/v1/calls/{id}/recording"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""A voice is personal data: no cache keeps it. And whatever the file holds, no browser runs it."""


def recording_route(store: Store, places: Mapping[str, str], clock: Clock) -> web.RouteDef:
    """``places``: the name of each PBX -> its ``recordings``, a folder or a URL template. Each play is a deed."""

    async def answer(request: web.Request) -> web.StreamResponse:
        call_id = request.match_info["id"]
        seen_by = viewer_of(request).seen_by
        found = await store.read(lambda c: _recording_of(c, call_id, seen_by)) if "\x00" not in call_id else None
        if found is None:
            raise Refused(404, "not_found", "There is no call with this id.")
        pbx, recording = found
        if not recording:
            raise Refused(404, "no_recording", "This call was not recorded.")
        place = places.get(pbx)
        if not place:
            raise Refused(
                404,
                "recordings_not_configured",
                "Where the recordings of %(pbx)s are is not configured: set recordings in its [[pbx]] table.",
                pbx=pbx,
            )
        try:
            response = await _response(recording, place)
        except RecordingMissing as missing:
            raise Refused(404, missing.code, missing.sentence) from None
        await _note(store, clock, request, call_id)
        return response

    return web.get(RECORDING_PATH, answer)


def _recording_of(connection: Connection, call_id: str, seen_by: str | None) -> tuple[str, str | None] | None:
    """The PBX of a call and the name of its recording; None for no call, or one that the viewer does not see."""
    row = connection.execute(
        select(Interaction.source_name, Interaction.details).where(
            Interaction.id == call_id, Interaction.channel == Channel.CALL.value, *visible_interactions(seen_by)
        )
    ).one_or_none()
    if row is None:
        return None
    recording = row.details.get("recording")
    return row.source_name, recording if isinstance(recording, str) else None


async def _response(recording: str, place: str) -> web.StreamResponse:
    if is_url(place):
        return web.Response(status=302, headers={**HEADERS, "Location": url_for(recording, place)})
    file, content_type = await asyncio.to_thread(find_file, recording, Path(place))
    return web.FileResponse(file, headers={**HEADERS, "Content-Type": content_type})


async def _note(store: Store, clock: Clock, request: web.Request, call_id: str) -> None:
    """Who listened to what: a player asks for a file in parts, only the first of which is written down."""
    if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        deed = Deed(
            actor=viewer_of(request).actor, action="recording.played", object_kind="interaction", object_id=call_id
        )
        await store.write(lambda c: record(c, deed, clock.now()))
