"""The start page: who waits for a call, the most urgent first, with everything that can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.callbacks.life import BY_HAND, Outcome, Reason
from gateway.views.callbacks import CallbackView
from gateway.views.shapes import ManagerView
from gateway.web.access import Right, viewer_of
from gateway.web.api.callbacks import (
    AssignCallback,
    AttemptCallback,
    CallCallback,
    ClaimCallback,
    CloseCallback,
    NoBody,
    NoteCallback,
    SnoozeCallback,
)
from gateway.web.guard import read_form
from gateway.web.pages import lists
from gateway.web.pages.deeds import Deeds, back
from gateway.web.pages.leads import link
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.callbacks import BoardCounts, Place, board, board_counts, callback, callbacks_page
from gateway.web.queries.changes import feed_ends
from gateway.web.queries.filters import NOBODY, Filters
from gateway.web.queries.people import managers

ReadForm = Callable[[Mapping[str, str], ZoneInfo], msgspec.Struct]
"""A form's fields as the body of an operation. Raises ValueError for a value that is none."""

OVER = "over"
VIEWS = ("waiting", "mine", "unowned", "overdue", "anonymous", OVER)
BULK = ("claim", "close", "assign")
"""What can be done with many at once."""
MOST_AT_ONCE = 200
ROWS = 24
"""Of one page: what nobody calls back before the list has changed anyway."""


class CallbackPages:
    """``/`` and ``/callbacks/{id}``."""

    def __init__(self, means: PageMeans, presets: Sequence[str]) -> None:
        self._means = means
        self._deeds = Deeds(means)
        self._presets = tuple(presets)

    def routes(self) -> list[web.RouteDef]:
        """All need a session; the forms need the right to work."""
        return [
            web.get("/", self.board),
            web.get("/callbacks/{id}", self.card),
            web.post("/callbacks", self.many),
            web.post("/callbacks/{id}/{deed}", self.do),
        ]

    async def board(self, request: web.Request) -> web.Response:
        """Who waits. Views are links, so each can be kept."""
        viewer = viewer_of(request)
        view = request.query.get("view") or "waiting"
        if view not in VIEWS:
            raise Refused(
                400,
                "bad_parameter",
                "There is no view %(view)r; there are %(known)s.",
                view=view[:40],
                known=", ".join(VIEWS),
            )
        filters = self._filters(request, view, viewer.manager_id, viewer.seen_by)
        place = _place(request) if view != OVER else None
        filters = replace(filters, after=lists.position(request) if view == OVER else None)
        position = self._means.store.peek(lambda c: feed_ends(c).newest)
        rows, following, counts, people = await self._means.store.read(
            lambda c: _read(c, view, filters, viewer.manager_id, place)
        )
        return self._means.renderer.page(
            request,
            "callbacks.html",
            told=self._told(request),
            undo=request.query.get("undo"),
            view=view,
            views=[(name, link(request, view=name, done=None, undo=None)) for name in VIEWS],
            rows=rows,
            following=link(request, cursor=following, done=None, undo=None) if following else None,
            counts=counts,
            managers=people,
            q=filters.q,
            presets=self._presets,
            reasons=BY_HAND,
            outcomes=tuple(Outcome),
            may_work=viewer.may(Right.WORK),
            position=position,
        )

    async def card(self, request: web.Request) -> web.Response:
        """One callback with its whole story."""
        viewer, callback_id = viewer_of(request), request.match_info["id"]
        scope = Filters(seen_by=viewer.seen_by, now=self._means.clock.now())
        position = self._means.store.peek(lambda c: feed_ends(c).newest)

        def read(connection: Connection) -> tuple[Any, list[ManagerView]]:
            found = callback(connection, callback_id, scope) if "\x00" not in callback_id else None
            return found, managers(connection, Filters(status="active"))

        found, people = await self._means.store.read(read)
        if found is None:
            raise Refused(404, "not_found", "There is no callback with this id.")
        return self._means.renderer.page(
            request,
            "callback.html",
            told=self._told(request),
            undo=request.query.get("undo"),
            row=found,
            managers=people,
            presets=self._presets,
            reasons=BY_HAND,
            outcomes=tuple(Outcome),
            may_work=viewer.may(Right.WORK),
            position=position,
        )

    async def do(self, request: web.Request) -> web.Response:
        """One deed; then back to where the form was."""
        form = await read_form(request)
        callback_id, deed = request.match_info["id"], request.match_info["deed"]
        read_body = DEEDS.get(deed)
        if read_body is None:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        await self._deeds.do(
            request, f"{deed}Callback", ids={"id": callback_id}, body=_body(read_body, form, self._means.zone)
        )
        raise back(form, done=deed, undo="" if deed in {"call", "undo"} else callback_id)

    async def many(self, request: web.Request) -> web.Response:
        """The same deed for all that were ticked. What somebody else was faster with stays as it is and is counted."""
        fields = await request.post()
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        ids = [value for value in fields.getall("id", []) if isinstance(value, str)][:MOST_AT_ONCE]
        deed = form.get("deed", "")
        if deed not in BULK:
            raise Refused(400, "bad_form", "With many at once there is %(known)s.", known=", ".join(BULK))
        done = 0
        for callback_id in ids:
            try:
                await self._deeds.do(
                    request, f"{deed}Callback", ids={"id": callback_id}, body=_body(DEEDS[deed], form, self._means.zone)
                )
                done += 1
            except Refused as refused:
                if refused.status not in {404, 409}:
                    raise
        raise back(form, done=deed, count=str(done), of=str(len(ids)))

    def _filters(self, request: web.Request, view: str, manager_id: str | None, seen_by: str | None) -> Filters:
        status = view if view in {"overdue", "anonymous", OVER} else "waiting"
        manager = {"mine": manager_id or NOBODY, "unowned": NOBODY}.get(view)
        q = (request.query.get("q") or "").strip()[:200].replace("\x00", "") or None
        return Filters(status=status, manager=manager, q=q, seen_by=seen_by, now=self._means.clock.now(), limit=ROWS)

    def _told(self, request: web.Request) -> str | None:
        gettext = self._means.renderer.words(request).texts.gettext
        sentence = TOLD.get(request.query.get("done", ""))
        count, of = request.query.get("count", ""), request.query.get("of", "")
        if count.isdigit() and of.isdigit() and len(count + of) < 10:
            return gettext("%(count)s of %(all)s done.") % {"count": count, "all": of}
        return gettext(sentence) if sentence else None


def _(msgid: str) -> str:
    """Marks a text for translation."""
    return msgid


TOLD = {
    "claim": _("It is yours now."),
    "release": _("You gave it back."),
    "assign": _("It was given on."),
    "snooze": _("It was put off."),
    "attempt": _("The attempt was written down."),
    "note": _("The note was kept."),
    "close": _("It was closed."),
    "reopen": _("It waits again."),
    "undo": _("It was taken back."),
    "call": _("Your phone rings. Pick up, and the client will be called."),
}


def _place(request: web.Request) -> Place | None:
    """Where the page before ended. Raises Refused."""
    cursor = request.query.get("cursor")
    if not cursor:
        return None
    try:
        return Place.decode(cursor)
    except ValueError:
        raise Refused(400, "bad_parameter", "This is no page of the list: begin with the first one.") from None


def _read(
    connection: Connection, view: str, filters: Filters, manager_id: str | None, place: Place | None
) -> tuple[list[CallbackView], str | None, BoardCounts, list[ManagerView]]:
    """The rows of a page, where the next one begins, the figures above it and the managers."""
    counts = board_counts(connection, filters, manager_id=manager_id)
    people = managers(connection, Filters(status="active"))
    if view == OVER:
        page = callbacks_page(connection, filters)
        return page.items, page.next, counts, people
    rows = board(connection, filters, after=place, limit=ROWS + 1)
    following = Place.of(rows[ROWS - 1]).encode() if len(rows) > ROWS else None
    return rows[:ROWS], following, counts, people


def _body(read: ReadForm, form: Mapping[str, str], zone: ZoneInfo) -> msgspec.Struct:
    try:
        return read(form, zone)
    except ValueError:
        raise Refused(400, "bad_form", "The form can't be read: a field of it has a value that is not there.") from None


def _text(form: Mapping[str, str], name: str) -> str | None:
    return form.get(name, "").strip() or None


def _until(form: Mapping[str, str], zone: ZoneInfo) -> SnoozeCallback:
    """A field for day and time knows no zone: the company's is meant."""
    text = _text(form, "until")
    if text is None:
        return SnoozeCallback(preset=_text(form, "preset"))
    moment = datetime.fromisoformat(text)
    return SnoozeCallback(until=moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


DEEDS: Mapping[str, ReadForm] = {
    "claim": lambda _form, _zone: ClaimCallback(),
    "release": lambda _form, _zone: NoBody(),
    "assign": lambda form, _zone: AssignCallback(manager=_text(form, "manager")),
    "snooze": _until,
    "attempt": lambda form, _zone: AttemptCallback(
        outcome=Outcome(form.get("outcome") or Outcome.NO_ANSWER), note=_text(form, "note")
    ),
    "note": lambda form, _zone: NoteCallback(text=form.get("note", "")),
    "close": lambda form, _zone: CloseCallback(
        reason=Reason(form.get("reason") or Reason.REACHED), note=_text(form, "note")
    ),
    "reopen": lambda _form, _zone: NoBody(),
    "undo": lambda _form, _zone: NoBody(),
    "call": lambda form, _zone: CallCallback(number=_text(form, "number")),
}
"""The last part of the address -> how its form is read."""
