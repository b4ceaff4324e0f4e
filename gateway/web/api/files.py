"""``GET /api/v1/interactions/{id}/files/{number}``: a file of a form or letter, for keeping, never for running."""

from __future__ import annotations

import logging
import re
from typing import Protocol
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import Connection, select

from gateway.capture.files import Handed
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, Lead
from gateway.web.access import viewer_of
from gateway.web.problems import Refused

log = logging.getLogger(__name__)

FILE_PATH = "/api/v1/interactions/{id}/files/{number}"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Whoever sent it may be anybody: no browser shows it as a page of ours, guesses its type, or keeps it."""
PLAIN = "application/octet-stream"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._-]")


class Files(Protocol):
    """Who has the files (``capture.files.FileKeeper``)."""

    async def fetch(self, interaction_id: str, number: int) -> Handed | None:
        """File ``number`` (from 1) of an interaction; None where there is none. Raises StoreUnavailable, OSError."""
        ...


def file_route(store: Store, files: Files | None) -> web.RouteDef:
    """The route. ``files`` is None where nobody has any."""

    async def answer(request: web.Request) -> web.StreamResponse:
        interaction_id, number = request.match_info["id"], request.match_info["number"]
        if not _NUMBER.fullmatch(number) or "\x00" in interaction_id:
            raise Refused(404, "not_found", "There is no such file: files are numbered from 1.")
        found = await store.read(lambda connection: _owner_of(connection, interaction_id))
        if found is None or not viewer_of(request).sees(found[0]):
            raise Refused(404, "not_found", "There is nothing with this id.")
        try:
            file = await files.fetch(interaction_id, int(number)) if files is not None else None
        except OSError:
            log.exception("A file can't be read", extra={"action": "file_unreadable", "interaction": interaction_id})
            raise Refused(503, "files_unavailable", "The file can't be read just now.", {"Retry-After": "5"}) from None
        if file is None:
            raise Refused(404, "not_found", "There is no such file with this interaction.")
        who = viewer_of(request).actor
        log.info(
            "A file was handed out",
            extra={"action": "file_handed_out", "interaction": interaction_id, "number": int(number), "actor": who},
        )
        return web.Response(body=file.content, headers=_headers(file))

    return web.get(FILE_PATH, answer)


def _owner_of(connection: Connection, interaction_id: str) -> tuple[str | None] | None:
    """The manager of the interaction's lead, in a tuple; None where there is no such interaction."""
    query = (
        select(Lead.manager_id)
        .select_from(Interaction)
        .join(Lead, Lead.id == Interaction.lead_id, isouter=True)
        .where(Interaction.id == interaction_id)
    )
    row = connection.execute(query).one_or_none()
    return (row.manager_id,) if row is not None else None


def _headers(file: Handed) -> dict[str, str]:
    headers = {
        **HEADERS,
        "Content-Type": PLAIN if file.danger or file.content_type.startswith("text/") else file.content_type,
        "Content-Disposition": disposition(file.name),
        "ETag": f'"{file.sha256}"',
    }
    return headers | ({"X-Leadgate-Danger": file.danger} if file.danger else {})


def disposition(name: str) -> str:
    """Content-Disposition with a file's name, for old and new browsers (RFC 6266, RFC 8187)."""
    plain = _NOT_PLAIN.sub("_", name).strip(" .") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
