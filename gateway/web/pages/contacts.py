"""The list of contacts: filters, kept filters (segments), files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.audit.log import Deed, record
from gateway.contacts.edit import NewContact
from gateway.contacts.segments import ContactFilter, NewSegment, SegmentView, segments
from gateway.web.access import Right, Viewer, viewer_of
from gateway.web.exports import EXPORTS, Export
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.contactcard import ContactCardPages
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leadforms import text_of
from gateway.web.pages.leadparts import LeadParts
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.contacts import ContactFilters, contact_list, count_contacts, known_of
from gateway.web.queries.filters import Filters, Page, Position
from gateway.web.queries.people import managers
from gateway.web.sheets import XLSX_TYPE, write_csv, write_xlsx

ROWS = 40
COUNTED = 10_000
"""Counting ends there: "10 000 and more" says as much."""
FILES = {"csv": "text/csv", "xlsx": XLSX_TYPE}
NAMES = frozenset(ContactFilter.__struct_fields__)


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {"segment": _("The segment was kept."), "segment-remove": _("The segment was removed.")}


class ContactPages:
    """``/contacts``, the segments, the files, and the card of each contact."""

    def __init__(self, means: PageMeans, parts: LeadParts) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._card = ContactCardPages(means, parts)

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/contacts", self.contacts),
            web.post("/contacts", self.add),
            web.get("/contacts/table.{format:csv|xlsx}", self.file),
            web.get("/contacts/segments", self.segments),
            web.post("/contacts/segments", self.keep),
            web.post("/contacts/segments/{id}/remove", self.remove),
            *self._card.routes(),
        ]

    async def contacts(self, request: web.Request) -> web.Response:
        """The contacts, the newest first. Filters are in the address."""
        viewer = viewer_of(request)
        asked = asked_of(request.query)
        filters = self._filters(asked, viewer, lists.position(request))

        def read(connection: Connection) -> tuple[Page[Any], Mapping[str, Any], int, Any, Any]:
            page = contact_list(connection, filters)
            known = known_of(connection, [one.id for one in page.items], viewer.seen_by)
            is_all = filters.after is None and page.next is None
            count = len(page.items) if is_all else count_contacts(connection, filters, COUNTED + 1)
            return (
                page,
                known,
                count,
                managers(connection, Filters(status="active")),
                segments(connection, viewer.manager_id),
            )

        page, known, count, people, kept = await self._means.store.read(read)
        return self._means.renderer.page(
            request,
            "contacts.html",
            told=lists.told(self._means, request, TOLD),
            contacts=page.items,
            known=known,
            count=count,
            counted=COUNTED,
            older=link(request, cursor=page.next, done=None) if page.next else None,
            asked=asked,
            values=asked.values(),
            segment=next((one for one in kept if one.filters == asked), None),
            segments=[(one, address_of("/contacts", one.filters)) for one in kept],
            files=[(kind, address_of(f"/contacts/table.{kind}", asked)) for kind in FILES],
            periods=lists.PERIODS,
            managers=people,
            offers=self._deeds.offers(request),
        )

    async def add(self, request: web.Request) -> web.Response:
        """Make a contact; then its card."""
        fields = await read_form(request)
        new = NewContact(
            name=fields.get("name", ""),
            company=fields.get("company", ""),
            phones=[phone] if (phone := text_of(fields, "phone")) else [],
            emails=[email] if (email := text_of(fields, "email")) else [],
        )
        made = await self._deeds.do(request, "addContact", body=new)
        raise web.HTTPSeeOther(f"/contacts/{made.id}")

    async def file(self, request: web.Request) -> web.Response:
        """All contacts that fit the filters, as a file; who took it is written down."""
        viewer, kind = viewer_of(request), request.match_info["format"]
        asked, now = asked_of(request.query), self._means.clock.now()
        filters, export = self._filters(asked, viewer), _export()
        body, count = await self._means.store.read(lambda c: self._bytes(c, export, filters, kind))
        deed = Deed(
            actor=viewer.actor,
            action="contacts.exported",
            object_kind="contact",
            object_id="list",
            detail={"count": count, "format": kind},
        )
        await self._means.store.write(lambda c: record(c, deed, now))
        name = f"contacts-{now.astimezone(self._means.zone).date().isoformat()}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return web.Response(body=body, content_type=FILES[kind], headers=headers)

    async def segments(self, request: web.Request) -> web.Response:
        """The kept filters with how many contacts each has now."""
        viewer = viewer_of(request)

        def read(connection: Connection) -> tuple[list[tuple[SegmentView, int]], Any]:
            kept = segments(connection, viewer.manager_id)
            counted = [
                (one, count_contacts(connection, self._filters(one.filters, viewer), COUNTED + 1)) for one in kept
            ]
            return counted, managers(connection, Filters())

        counted, people = await self._means.store.read(read)
        return self._means.renderer.page(
            request,
            "segments.html",
            told=lists.told(self._means, request, TOLD),
            rows=[
                (one, count, address_of("/contacts", one.filters), self._files(one.filters)) for one, count in counted
            ],
            names={person.id: person.name for person in people},
            counted=COUNTED,
            may_remove="removeSegment" in self._deeds.offers(request),
            may_lead=viewer.may(Right.LEAD),
        )

    async def keep(self, request: web.Request) -> web.Response:
        """Keep the filters of a list under a name."""
        fields = await read_form(request)
        new = NewSegment(name=fields.get("name", ""), filters=asked_of(fields), shared=fields.get("shared") == "yes")
        await self._deeds.do(request, "addSegment", body=new)
        raise back(fields, done="segment")

    async def remove(self, request: web.Request) -> web.Response:
        """Forget a segment; the contacts stay."""
        fields = await read_form(request)
        await self._deeds.do(request, "removeSegment", ids={"id": request.match_info["id"]})
        raise back(fields, done="segment-remove")

    def _files(self, filters: ContactFilter) -> list[tuple[str, str]]:
        return [(kind, address_of(f"/contacts/table.{kind}", filters)) for kind in FILES]

    def _filters(self, asked: ContactFilter, viewer: Viewer, after: Position | None = None) -> ContactFilters:
        since, until = lists.span(self._means, asked.period or None)
        return ContactFilters(
            q=asked.q.strip() or None,
            manager=lists.manager_of(asked.manager or None, viewer),
            channel=asked.channel or None,
            lead=asked.lead or None,
            since=since,
            until=until,
            quiet_since=self._means.clock.now() - timedelta(days=int(asked.quiet)) if asked.quiet else None,
            seen_by=viewer.seen_by,
            limit=ROWS,
            after=after,
        )

    def _bytes(self, connection: Connection, export: Export, filters: Filters, kind: str) -> tuple[bytes, int]:
        rows = export.rows(connection, filters)
        if kind == "xlsx":
            book = BytesIO()
            count = write_xlsx(rows, export.columns, book, self._means.zone)
            return book.getvalue(), count
        text = StringIO(newline="")
        count = write_csv(rows, export.columns, text, self._means.zone)
        return b"\xef\xbb\xbf" + text.getvalue().encode(), count  # Excel reads UTF-8 only with a mark


def asked_of(values: Mapping[str, str]) -> ContactFilter:
    """The filters of an address or form. Raises Refused (400)."""
    try:
        return msgspec.convert(
            {name: value for name, value in values.items() if name in NAMES and value}, ContactFilter
        )
    except msgspec.ValidationError as error:
        raise Refused(400, "bad_parameter", "A filter can't be used: %(why)s.", why=str(error)[:200]) from None


def address_of(path: str, filters: ContactFilter) -> str:
    """Where these filters are shown."""
    values = filters.values()
    return f"{path}?{urlencode(values)}" if values else path


def _export() -> Export:
    """As the API's export, narrowed as the page is."""
    known = EXPORTS["contacts"]
    return Export(known.columns, contact_list, known.row)
