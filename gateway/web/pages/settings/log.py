"""``/settings/log``: who did what, and whether the log is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import Connection, select

from gateway.audit.log import AUDIT, Verdict, verify
from gateway.storage.tables import ApiToken, Manager
from gateway.web.access import Right, needs
from gateway.web.pages.means import PageMeans
from gateway.web.pages.settings.deedwords import ACTIONS, KINDS
from gateway.web.pages.settings.frame import Frame

HOME = "/settings/log"
PAGE = 100
FIELDS = ("actor", "kind", "action", "object", "from", "to")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeedRow:
    """One deed for people."""

    id: int
    at: datetime
    who: str | None
    """The name of a person or program; None: the gateway itself or the console."""
    actor: str
    action: str
    object_kind: str | None
    object_id: str | None
    link: str | None
    detail: str


PAGES_OF = {
    "lead": "/leads/", "callback": "/callbacks/", "user": "/settings/people/", "contact": "/contacts/",
    "document": "/documents/", "report": "/reports/",
}  # fmt: skip
"""Kinds of objects that have a page."""


class LogPages:
    """The log."""

    def __init__(self, means: PageMeans) -> None:
        self._frame = Frame(means)
        self._means = means

    def routes(self) -> list[web.RouteDef]:
        """Only to look at: nobody changes it."""
        return [web.get(HOME, self.show)]

    @needs(Right.INSPECT)
    async def show(self, request: web.Request) -> web.Response:
        """The newest first; filters are in the address."""
        asked = {name: request.query.get(name, "").strip()[:100].replace("\x00", "") for name in FIELDS}
        before = request.query.get("before", "")
        last = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        checking = request.query.get("check") == "1"

        def read(connection: Connection) -> tuple[list[DeedRow], dict[str, str], Verdict | None]:
            names = actors(connection)
            rows = deeds(connection, asked, names, before=last, zone=self._means.zone)
            return rows, names, verify(connection) if checking else None

        rows, names, verdict = await self._means.store.read(read)
        more = len(rows) > PAGE
        kept = {name: value for name, value in asked.items() if value}
        following = f"{HOME}?{urlencode({**kept, 'before': rows[PAGE - 1].id})}" if more else None
        gettext = self._means.renderer.words(request).texts.gettext
        actions = {key: gettext(name) for key, name in ACTIONS.items()}
        kinds = {key: gettext(name) for key, name in KINDS.items()}
        return self._frame.page(
            request,
            "settings_log.html",
            rows=rows[:PAGE],
            asked=asked,
            actors=names,
            action_words=actions,
            kind_words=kinds,
            actions=sorted(actions.items(), key=itemgetter(1)),
            kinds=sorted(kinds.items(), key=itemgetter(1)),
            verdict=verdict,
            check_link=f"{HOME}?{urlencode({**kept, 'check': '1'})}",
            following=following,
        )


def actors(connection: Connection) -> dict[str, str]:
    """The name of every person and program that can have done something."""
    names = {f"manager:{row.id}": row.name for row in connection.execute(select(Manager.id, Manager.name))}
    tokens = connection.execute(select(ApiToken.id, ApiToken.name))
    return names | {f"token:{row.id}": row.name for row in tokens}


def deeds(
    connection: Connection, asked: Mapping[str, str], names: Mapping[str, str], *, before: int | None, zone: Any
) -> list[DeedRow]:
    """One row more than a page. Filters that are no day, or name nothing, find nothing or are left out."""
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(PAGE + 1)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    for name, column in (("actor", AUDIT.c.actor), ("kind", AUDIT.c.object_kind), ("object", AUDIT.c.object_id)):
        if asked.get(name):
            query = query.where(column == asked[name])
    if asked.get("action"):
        query = query.where(AUDIT.c.action.startswith(asked["action"], autoescape=True))
    if (first := _midnight(asked.get("from", ""), zone)) is not None:
        query = query.where(AUDIT.c.at >= first)
    if (last := _midnight(asked.get("to", ""), zone, days=1)) is not None:
        query = query.where(AUDIT.c.at < last)
    return [_row(dict(row), names) for row in connection.execute(query).mappings()]


def _row(row: Mapping[str, Any], names: Mapping[str, str]) -> DeedRow:
    kind, object_id = row["object_kind"], row["object_id"]
    detail = ", ".join(f"{name}: {_short(value)}" for name, value in row["detail"].items())
    return DeedRow(
        id=row["id"],
        at=row["at"],
        who=names.get(row["actor"]),
        actor=row["actor"],
        action=row["action"],
        object_kind=kind,
        object_id=object_id,
        link=f"{PAGES_OF[kind]}{object_id}" if kind in PAGES_OF and object_id else None,
        detail=detail[:300],
    )


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_short(one) for one in value)
    return "–" if value is None else str(value)


def _midnight(text: str, zone: Any, *, days: int = 0) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone)
    except (ValueError, OverflowError):
        return None
