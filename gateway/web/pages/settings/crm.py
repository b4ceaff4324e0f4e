"""``/settings/crm``: what waits for the CRMs and why, and ``/settings/letters``: the same of letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.core.errors import Conflict
from gateway.core.ports import SourceHealth
from gateway.core.sentences import Sentence
from gateway.delivery import outbox
from gateway.delivery.crmwords import BY_HAND_ON_PAGES
from gateway.delivery.redact import redacted
from gateway.outgoing import shelf
from gateway.web.access import Right, needs
from gateway.web.api.deliveries import written
from gateway.web.guard import read_form
from gateway.web.health import StatusSource
from gateway.web.pages.leadforms import moment_of
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, number_of, path_id, text_of
from gateway.web.problems import Refused

HOME = "/settings/crm"
LETTERS = "/settings/letters"
PAGE = 50
STATES = ("", "waiting", "held", "dead", "done", "dropped")
LETTER_STATES = ("", "failed", "unknown", "waiting", "sent", "dropped")

Change = Callable[[Connection, list[int], str, Any], int]

DEEDS: dict[str, tuple[str, Change]] = {
    "retry": ("retried", lambda c, ids, _reason, at: outbox.retry(c, ids, at)),
    "drop": ("dropped", lambda c, ids, reason, at: outbox.drop(c, ids, reason, at)),
    "hold": ("held", lambda c, ids, reason, at: outbox.hold(c, ids, reason, at)),
    "release": ("released", lambda c, ids, _reason, at: outbox.release(c, ids, at)),
}
"""What can be done with a delivery, and the word for it."""


class CrmPages:
    """Deliveries."""

    def __init__(self, means: PageMeans, crms: tuple[str, ...], status: StatusSource) -> None:
        self._frame = Frame(means)
        self._means = means
        self._crms = crms
        self._status = status

    def routes(self) -> list[web.RouteDef]:
        """Looking is for those who inspect, doing for those who lead."""
        return [
            web.get(HOME, self.show),
            web.get(HOME + "/deliveries/{id}", self.one),
            web.post(HOME + "/deliveries/{id}/{deed}", self.do),
            web.post(HOME + "/{crm}/hold", self.hold),
            web.post(HOME + "/{crm}/release", self.release),
            web.post(HOME + "/{crm}/retry-dead", self.retry_dead),
            web.post(HOME + "/{crm}/replay", self.replay),
            web.get(LETTERS, self.letters),
            web.get(LETTERS + "/{id}", self.letter),
            web.post(LETTERS + "/{id}/{deed}", self.do_letter),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """The CRMs, and deliveries of one state."""
        state = request.query.get("state", "")
        if state not in STATES:
            raise Refused(400, "bad_parameter", "There is no state %(state)r.", state=state[:40])
        crm = text_of(request.query, "crm", 40)
        before = number_of(request.query["before"]) if "before" in request.query else None

        def read(connection: Connection) -> tuple[Any, Any, Any]:
            rows = outbox.list_deliveries(
                connection, crm=crm, states=[state] if state else (), before_id=before, limit=PAGE + 1
            )
            return rows, outbox.holds(connection), {one.crm: one for one in outbox.backlog(connection)}

        rows, holds, backlog = await self._means.store.read(read)
        kept = {"state": state, "crm": crm or ""}
        following = f"{HOME}?{urlencode({**kept, 'before': rows[PAGE - 1].id})}" if len(rows) > PAGE else None
        return self._frame.page(
            request,
            "settings_crm.html",
            rows=rows[:PAGE],
            crms=sorted({*self._crms, *backlog, *holds}),
            holds=holds,
            backlog=backlog,
            health=await self._health(),
            states=STATES,
            state=state,
            crm=crm,
            following=following,
        )

    async def _health(self) -> dict[str, SourceHealth]:
        """How the gateway gets on with each CRM, by its name."""
        sources = (await self._status.status()).sources
        return {one.name.removeprefix("crm:"): one for one in sources if one.name.startswith("crm:")}

    @needs(Right.INSPECT)
    async def one(self, request: web.Request) -> web.Response:
        """One delivery, its payload in part, and every try."""
        number = number_of(path_id(request))
        shown = await self._means.store.read(lambda c: outbox.show(c, number))
        if shown is None:
            raise Refused(404, "not_found", "There is no delivery with this id.")
        payload = msgspec.json.format(msgspec.json.encode(redacted(shown.payload)), indent=2).decode()
        return self._frame.page(request, "settings_delivery.html", one=shown.delivery, tries=shown.tries, raw=payload)

    @needs(Right.LEAD)
    async def do(self, request: web.Request) -> web.Response:
        """Retry, drop, hold or release one."""
        number, deed = number_of(path_id(request)), request.match_info["deed"]
        if deed not in DEEDS:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        word, change = DEEDS[deed]
        detail = {"deed": deed, "id": number}
        count = await self._change(request, detail, lambda c, at: change(c, [number], BY_HAND_ON_PAGES, at))
        if not count:
            raise Refused(409, "conflict", "This can't be done with it any more: look at its state.")
        raise done(f"{HOME}/deliveries/{number}", word)

    @needs(Right.LEAD)
    async def hold(self, request: web.Request) -> web.Response:
        """Everything for one CRM waits."""
        form, crm = await read_form(request), self._known(request)
        reason = text_of(form, "reason") or BY_HAND_ON_PAGES

        def unit(connection: Connection, at: Any) -> int:
            outbox.hold_crm(connection, crm, reason, at)
            return 1

        await self._change(request, {"deed": "hold", "crm": crm, "reason": str(reason)}, unit)
        raise done(HOME, "held")

    @needs(Right.LEAD)
    async def release(self, request: web.Request) -> web.Response:
        """And goes on."""
        crm = self._known(request)
        await self._change(request, {"deed": "release", "crm": crm}, lambda c, _: int(outbox.release_crm(c, crm)))
        raise done(HOME, "released")

    @needs(Right.LEAD)
    async def retry_dead(self, request: web.Request) -> web.Response:
        """Everything that was given up for one CRM."""
        crm = self._known(request)
        await self._change(
            request, {"deed": "retry", "crm": crm}, lambda c, at: outbox.retry_all(c, at, crm=crm, dead=True)
        )
        raise done(HOME, "retried")

    @needs(Right.LEAD)
    async def replay(self, request: web.Request) -> web.Response:
        """What was sent to one CRM in a range, once more: it lost its data, or got another database."""
        form, crm, zone = await read_form(request), self._known(request), ZoneInfo(self._means.locale.timezone)
        try:
            since, until = moment_of(form, "since", zone), moment_of(form, "until", zone)
        except ValueError:
            raise Refused(400, "bad_parameter", "Say from when and until when.") from None
        detail = {"deed": "replay", "crm": crm, "since": since.isoformat(), "until": until.isoformat()}
        await self._change(
            request,
            detail,
            lambda c, at: outbox.replay(c, at, crm=crm, since=since, until=until, states=("done",)),
        )
        raise done(HOME, "retried")

    @needs(Right.INSPECT)
    async def letters(self, request: web.Request) -> web.Response:
        """What left the house, or could not."""
        state = request.query.get("state", "")
        if state not in LETTER_STATES:
            raise Refused(400, "bad_parameter", "There is no state %(state)r.", state=state[:40])
        rows = await self._means.store.read(lambda c: shelf.listed(c, state or None))
        return self._frame.page(request, "settings_letters.html", rows=rows, state=state, states=LETTER_STATES)

    @needs(Right.INSPECT)
    async def letter(self, request: web.Request) -> web.Response:
        """One with its tries."""
        return await self._letter(request)

    @needs(Right.LEAD)
    async def do_letter(self, request: web.Request) -> web.Response:
        """Send again or never."""
        letter_id, deed, by = path_id(request), request.match_info["deed"], self._frame.by(request)
        if deed not in {"retry", "drop"}:
            raise Refused(404, "not_found", "There is nothing that can be done under this address.")
        act = shelf.retry if deed == "retry" else shelf.drop
        try:
            await self._frame.write(lambda c: act(c, letter_id, by))
        except Conflict as error:
            return await self._letter(request, fault=error.sentence, status=409)
        raise done(f"{LETTERS}/{letter_id}", "retried" if deed == "retry" else "dropped")

    async def _letter(
        self, request: web.Request, *, fault: Sentence | str | None = None, status: int = 200
    ) -> web.Response:
        letter_id = path_id(request)
        found = await self._frame.read(lambda c: shelf.one(c, letter_id))
        return self._frame.page(request, "settings_letter.html", status=status, fault=fault, one=found)

    def _known(self, request: web.Request) -> str:
        crm = path_id(request, "crm")
        if crm not in self._crms:
            raise Refused(404, "not_found", "There is no CRM of this name in the configuration.")
        return crm

    async def _change(
        self, request: web.Request, detail: dict[str, Any], change: Callable[[Connection, Any], int]
    ) -> int:
        by = self._frame.by(request)

        def unit(connection: Connection) -> int:
            return written(connection, by, change(connection, by.at), detail)

        return await self._frame.write(unit)
