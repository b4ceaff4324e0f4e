"""The operations as aiohttp routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.clock import Clock, SystemClock
from gateway.storage.store import Store
from gateway.web.access import VIEWER, Right
from gateway.web.api.events import EventStream
from gateway.web.api.files import Files, file_route
from gateway.web.api.operations import ITEMS, LISTS, ItemOperation, ListOperation
from gateway.web.api.parameters import FilterReader, row_cursor, row_number
from gateway.web.api.recordings import recording_route
from gateway.web.api.writes import etag
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters
from gateway.web.settings import LocaleSettings

_encoder = msgspec.json.Encoder()

OPENAPI_PATH = "/api/openapi.json"
EVENTS_PATH = "/api/v1/events"


def json_response(value: object, status: int = 200) -> web.Response:
    """``value`` (Structs, moments, plain values) as JSON; moments are ISO 8601 with zone."""
    return web.Response(
        status=status, body=_encoder.encode(value), content_type="application/json", headers=etag(value)
    )


def filter_reader(locale: LocaleSettings) -> FilterReader:
    """How filters are read here."""
    return FilterReader(locale.region, ZoneInfo(locale.timezone))


def api_routes(
    store: Store,
    locale: LocaleSettings,
    events: EventStream,
    recordings: Mapping[str, str],
    files: Files | None = None,
    clock: Clock | None = None,
) -> list[web.RouteDef]:
    """Every route of the API that needs a token or a session. ``recordings``: PBX -> where its recordings are."""
    reader = filter_reader(locale)
    clock = clock or SystemClock()
    return [
        *(web.get(operation.path, _list_handler(operation, store, reader, clock)) for operation in LISTS),
        *(web.get(operation.path, _item_handler(operation, store, clock)) for operation in ITEMS),
        web.get(EVENTS_PATH, events.handle),
        recording_route(store, recordings, clock),
        file_route(store, files),
    ]


def description_route(described: Mapping[str, Any]) -> web.RouteDef:
    """The OpenAPI document; it says nothing about anybody, so it is open."""
    body = _encoder.encode(described)

    async def describe(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return web.get(OPENAPI_PATH, describe)


def _list_handler(operation: ListOperation, store: Store, reader: FilterReader, clock: Clock) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        scope = _scope(request, clock)
        filters = reader.read(request.query, numbered=operation.numbered)
        filters = replace(filters, seen_by=scope.seen_by, now=scope.now)
        before = row_cursor(request.query) if operation.numbered else None
        page = await store.read(lambda c: operation.query(c, filters, before))
        return json_response({"items": page.items, "next": page.next})

    return answer


def _item_handler(operation: ItemOperation, store: Store, clock: Clock) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        item_id = request.match_info["id"]
        if operation.numbered:
            row_number(item_id, "id")
        scope = _scope(request, clock)
        item = await store.read(lambda c: operation.ask(c, item_id, scope)) if "\x00" not in item_id else None
        if item is None:
            raise Refused(404, "not_found", "There is nothing with this id.")
        return json_response(item)

    return answer


def _scope(request: web.Request, clock: Clock) -> Filters:
    """Who asks, and when."""
    viewer = request.get(VIEWER)
    inspects = viewer is not None and viewer.may(Right.INSPECT)
    return Filters(seen_by=viewer.seen_by if viewer is not None else None, inspects=inspects, now=clock.now())
