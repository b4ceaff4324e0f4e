"""``/settings/sources``: where calls, letters and forms come from, how each is, and what its forms received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web
from sqlalchemy import Connection

from gateway.audit.log import Deed, record
from gateway.capture.deliverylog import Noted, notes
from gateway.capture.replay import Delivery, Replaced, Stored, deliveries, put_reading, stored
from gateway.core.findings import Finding
from gateway.core.masking import HIDDEN
from gateway.core.ports import SourceHealth
from gateway.core.types import Draft
from gateway.web.access import Right, needs, viewer_of
from gateway.web.guard import read_form
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame, done, number_of, path_id
from gateway.web.pages.settings.parts import SettingsParts, SourceInfo
from gateway.web.problems import Refused

HOME = "/settings/sources"
FORM = "form"
"""The connector of the forms, as the journal names it."""
PAGE = 50
KINDS = ("", "message", "spam", "test")
MOST_RAW = 20_000
"""Bytes of a submission that are shown."""
SAMPLE = "name=Maria&phone=%2B79261234567&message=Call+me+back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source and how it is."""

    info: SourceInfo
    states: tuple[SourceHealth, ...]


class SourcePages:
    """Sources and the log of each form."""

    def __init__(self, means: PageMeans, parts: SettingsParts) -> None:
        self._frame = Frame(means)
        self._means = means
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """Looking and examining is for those who inspect, reading again for those who lead."""
        return [
            web.get(HOME, self.show),
            web.post(HOME + "/{kind}/{name}/examine", self.examine),
            web.get("/settings/forms/{key}", self.form),
            web.post("/settings/forms/{key}/sample", self.sample),
            web.get("/settings/submissions/{id}", self.submission),
            web.post("/settings/submissions/{id}/replay", self.replay),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """All of them."""
        return await self._page(request)

    @needs(Right.INSPECT)
    async def examine(self, request: web.Request) -> web.Response:
        """Doctor's words on one, now. It changes nothing there."""
        kind, name = path_id(request, "kind"), path_id(request, "name")
        try:
            findings = await self._parts.examine(kind, name)
        except LookupError:
            raise Refused(404, "not_found", "Nothing of this kind and name is configured.") from None
        return await self._page(request, examined=(kind, name, findings))

    @needs(Right.INSPECT)
    async def form(self, request: web.Request) -> web.Response:
        """What a form received, the newest first."""
        return await self._form(request)

    @needs(Right.LEAD)
    async def sample(self, request: web.Request) -> web.Response:
        """How a body would be read; nothing is stored."""
        form, info = await read_form(request), self._info(request)
        body, content_type = form.get("body", "")[:MOST_RAW], form.get("type", "")
        if content_type not in {"application/x-www-form-urlencoded", "application/json"}:
            raise Refused(400, "bad_form", "A sample is a form's body or JSON.")
        draft = self._parts.forms.read_sample(info.key, body.encode(), content_type)
        return await self._form(request, sample=body, content_type=content_type, read=draft)

    @needs(Right.INSPECT)
    async def submission(self, request: web.Request) -> web.Response:
        """One as it came, and how it was read."""
        number = number_of(path_id(request))
        one = await self._stored(number)
        read = msgspec.json.format(msgspec.json.encode(one.draft or {}), indent=2).decode()
        return self._frame.page(
            request,
            "settings_submission.html",
            one=one,
            name=next((info.name for info in self._forms() if info.key == one.source), one.source),
            raw=HIDDEN if viewer_of(request).masked else one.raw[:MOST_RAW].decode("utf-8", "backslashreplace"),
            read=read,
            is_spam=((one.draft or {}).get("kind") == "spam"),
        )

    @needs(Right.LEAD)
    async def replay(self, request: web.Request) -> web.Response:
        """Read it again with the present settings; ``not_spam``: a person sent it; ``back``: show its form then."""
        number, form, by = number_of(path_id(request)), await read_form(request), self._frame.by(request)
        not_spam = form.get("not_spam") == "1"
        one = await self._stored(number)
        draft = self._parts.forms.read_again(one, not_spam)

        def unit(connection: Connection) -> Replaced:
            outcome = put_reading(connection, one, draft, by.at)
            if outcome is Replaced.CHANGED:
                detail = {"form": one.source, "delivery": one.id}
                action = "form.not_spam" if not_spam else "form.replayed"
                deed = Deed(
                    actor=by.actor, action=action, object_kind="interaction", object_id=one.interaction_id,
                    detail=detail,
                )  # fmt: skip
                record(connection, deed, by.at)
            return outcome

        outcome = await self._frame.write(unit)
        back = f"/settings/forms/{one.source}" if form.get("back") == FORM else f"/settings/submissions/{number}"
        raise done(back, "replayed" if outcome is Replaced.CHANGED else "unchanged")

    async def _page(
        self, request: web.Request, *, examined: tuple[str, str, list[Finding]] | None = None
    ) -> web.Response:
        status = await self._parts.status.status()
        by_name = {health.name: health for health in status.sources}
        rows = [
            SourceRow(info=info, states=tuple(by_name[name] for name in info.health if name in by_name))
            for info in self._parts.sources
        ]
        return self._frame.page(
            request,
            "settings_sources.html",
            rows=rows,
            examined=examined,
            database=status.database,
            public_address=self._parts.forms.public_address,
        )

    async def _form(
        self,
        request: web.Request,
        *,
        sample: str = SAMPLE,
        content_type: str = "",
        read: Draft | None = None,
    ) -> web.Response:
        info, kind = self._info(request), request.query.get("kind", "")
        if kind not in KINDS:
            raise Refused(400, "bad_parameter", "There is no kind %(kind)r.", kind=kind[:40])
        before = number_of(request.query["before"]) if "before" in request.query else None

        def query(connection: Connection) -> tuple[list[Delivery], list[Noted]]:
            rows = deliveries(connection, FORM, source=info.key, kind=kind or None, before_id=before, limit=PAGE + 1)
            return rows, [] if kind or before else notes(connection, FORM, source=info.key, limit=20)

        rows, noted = await self._means.store.read(query)
        kept: dict[str, Any] = {"kind": kind} if kind else {}
        here = f"/settings/forms/{info.key}"
        return self._frame.page(
            request,
            "settings_form.html",
            info=info,
            rows=rows[:PAGE],
            noted=noted,
            kinds=KINDS,
            kind=kind,
            sample=sample,
            content_type=content_type,
            read=read,
            address=f"{self._parts.forms.public_address}/f/{info.key}",
            following=f"{here}?{urlencode({**kept, 'before': rows[PAGE - 1].id})}" if len(rows) > PAGE else None,
        )

    def _forms(self) -> list[SourceInfo]:
        return [info for info in self._parts.sources if info.kind == FORM]

    def _info(self, request: web.Request) -> SourceInfo:
        key = path_id(request, "key")
        info = next((info for info in self._forms() if info.key == key), None)
        if info is None:
            raise Refused(404, "not_found", "No form with this key is configured.")
        return info

    async def _stored(self, number: int) -> Stored:
        one = await self._means.store.read(lambda c: stored(c, FORM, number))
        if one is None:
            raise Refused(404, "not_found", "There is no submission with this number.")
        return one
