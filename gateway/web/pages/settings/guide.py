"""``/settings`` and ``/settings/guide``: how everything is, and the way from nothing to the first lead.

Nothing writes the configuration file from the web: whoever takes over an owner's session must not gain the server too.
The guide tries what was typed, as doctor would, and gives the lines to copy.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import Connection, func, select

from gateway.audit.log import Deed, record
from gateway.core.findings import Finding
from gateway.core.sentences import Sentence, as_sentence
from gateway.storage.tables import Interaction, Lead, Manager
from gateway.web.access import Right, needs
from gateway.web.guard import read_form
from gateway.web.health import health_view
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.frame import Frame
from gateway.web.pages.settings.parts import SettingsParts
from gateway.web.problems import Refused

log = logging.getLogger(__name__)

HOME = "/settings"
GUIDE = "/settings/guide"
KINDS = ("pbx", "mailbox", "form")
MOST_TYPED = 200
FIELDS: Mapping[str, tuple[str, ...]] = {
    "pbx": ("name", "host", "port", "username", "secret"),
    "mailbox": ("name", "host", "username", "password"),
    "form": ("key", "name"),
}
SECRETS = frozenset({"secret", "password"})
"""Typed to try them; never shown again."""
_BARE = re.compile(r"\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the guide found out about something that is not configured yet."""

    kind: str
    typed: Mapping[str, str]
    """Without secrets."""
    lines: str
    """For the configuration file."""
    findings: list[Finding]
    fault: Sentence | None
    """A sentence where what was typed can't be tried at all."""


class GuidePages:
    """The overview and the first steps."""

    def __init__(self, means: PageMeans, parts: SettingsParts) -> None:
        self._frame = Frame(means)
        self._means = means
        self._parts = parts
        self._trying = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Trying reaches out to what was typed, so it is the owner's alone, one at a time, and in the log."""
        return [
            web.get(HOME, self.show),
            web.get(GUIDE, self.guide),
            web.post(GUIDE + "/{kind}", self.attempt),
        ]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """Everything in short; the first steps where nothing is set up yet."""
        if not self._is_set_up():
            return await self._guide(request)
        texts = self._means.renderer.words(request).texts
        status = health_view(await self._parts.status.status(), self._means.clock.now(), texts)
        counts = await self._means.store.read(_counts)
        kinds: dict[str, int] = {}
        for info in self._parts.sources:
            kinds[info.kind] = kinds.get(info.kind, 0) + 1
        return self._frame.page(
            request, "settings.html", health=status, counts=counts, kinds=kinds, config_file=self._parts.config_file
        )

    @needs(Right.INSPECT)
    async def guide(self, request: web.Request) -> web.Response:
        """The first steps, also later."""
        return await self._guide(request)

    @needs(Right.ADMINISTER)
    async def attempt(self, request: web.Request) -> web.Response:
        """Try what was typed."""
        kind, form, by = request.match_info["kind"], await read_form(request), self._frame.by(request)
        if kind not in KINDS:
            raise Refused(404, "not_found", "There is nothing of this kind to try.")
        typed = {name: form.get(name, "").strip()[:MOST_TYPED] for name in FIELDS[kind]}
        if self._trying.locked():
            tried = _tried(kind, typed, [], Sentence("Something is being tried right now: wait for it."))
            return await self._guide(request, tried=tried, status=429)
        detail = {"kind": kind, **{name: value for name, value in typed.items() if name not in SECRETS}}
        deed = Deed(actor=by.actor, action="source.tried", object_kind="source", detail=detail)
        async with self._trying:
            await self._frame.write(lambda c: record(c, deed, by.at))
            try:
                tried = _tried(kind, typed, await self._parts.attempt(kind, typed), None)
            except ValueError as error:
                tried = _tried(kind, typed, [], as_sentence(error))
        return await self._guide(request, tried=tried)

    def _is_set_up(self) -> bool:
        return any(info.kind in {"pbx", "mailbox", "crm"} for info in self._parts.sources)

    async def _guide(self, request: web.Request, *, tried: Tried | None = None, status: int = 200) -> web.Response:
        counts = await self._means.store.read(_counts)
        return self._frame.page(
            request,
            "settings_guide.html",
            status=status,
            tried=tried,
            have={info.kind for info in self._parts.sources},
            forms=[info for info in self._parts.sources if info.kind == "form"],
            counts=counts,
            config_file=self._parts.config_file,
            public_address=self._parts.forms.public_address,
        )


def _tried(kind: str, typed: Mapping[str, str], findings: list[Finding], fault: Sentence | None) -> Tried:
    shown = {name: value for name, value in typed.items() if name not in SECRETS}
    return Tried(kind=kind, typed=shown, lines=lines(kind, typed), findings=findings, fault=fault)


def lines(kind: str, typed: Mapping[str, str]) -> str:
    """What to write into the file: secrets stand in files of their own, so nobody copies one through a chat."""
    table = [f"[[{kind}]]"]
    for name in FIELDS[kind]:
        value = typed.get(name, "")
        if name in SECRETS:
            label = typed.get("name") or kind
            safe = re.sub(r"[^A-Za-z0-9_.-]", "-", label)
            table.append(f'{name}_file = "/etc/leadgate/{safe}.{name}"')
        elif value and name == "port" and _BARE.fullmatch(value):
            table.append(f"{name} = {value}")
        elif value:
            table.append(f"{name} = {quoted(value)}")
    return "\n".join(table)


def quoted(text: str) -> str:
    """A TOML basic string (TOML 1.0, "String"): backslash, quote and control characters escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"' + "".join(sign if ord(sign) >= 0x20 and sign != "\x7f" else f"\\u{ord(sign):04X}" for sign in escaped) + '"'
    )


def _counts(connection: Connection) -> dict[str, int]:
    """What there is so far."""
    active = select(func.count()).select_from(Manager).where(Manager.disabled_at.is_(None))
    return {
        "people": connection.execute(active).scalar_one(),
        "any_interaction": int(connection.execute(select(Interaction.id).limit(1)).first() is not None),
        "any_lead": int(connection.execute(select(Lead.id).limit(1)).first() is not None),
    }
