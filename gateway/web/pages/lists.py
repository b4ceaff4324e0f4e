"""What the pages with lists have in common: filters out of an address, what was done, the periods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta

from aiohttp import web

from gateway.web.access import Viewer
from gateway.web.pages import period
from gateway.web.pages.means import PageMeans
from gateway.web.problems import Refused
from gateway.web.queries.filters import NOBODY, Position

MINE = "mine"
PERIODS = ("today", "yesterday", "7d", "30d", "month", "last_month")
MAX_WORDS = 200


def words(request: web.Request, name: str = "q") -> str | None:
    """What is looked for; None for nothing."""
    return (request.query.get(name) or "").strip()[:MAX_WORDS].replace("\x00", "") or None


def one_of(request: web.Request, name: str, allowed: Collection[str]) -> str | None:
    """A filter with a fixed set of values; None where it is not set. Raises Refused (400)."""
    value = request.query.get(name) or None
    if value is not None and value not in allowed:
        raise Refused(
            400,
            "bad_parameter",
            "There is no %(name)s %(value)r; there are %(known)s.",
            name=name,
            value=value[:40],
            known=", ".join(allowed),
        )
    return value


def manager_of(asked: str | None, viewer: Viewer) -> str | None:
    """The manager that a filter means, for Filters: ``mine`` is whoever looks."""
    if asked == MINE:
        return viewer.manager_id or NOBODY
    return asked[:MAX_WORDS].replace("\x00", "") if asked else None


def position(request: web.Request) -> Position | None:
    """Where the page before ended. Raises Refused."""
    cursor = request.query.get("cursor")
    if not cursor:
        return None
    try:
        return Position.decode(cursor)
    except ValueError:
        raise Refused(400, "bad_parameter", "This is no page of the list: begin with the first one.") from None


def span(means: PageMeans, name: str | None) -> tuple[datetime | None, datetime | None]:
    """The first moment of a named period and the one after its last day, in the company's zone."""
    if name is None:
        return None, None
    first, last = period.days(name, means.clock.now().astimezone(means.zone).date())
    return (
        datetime.combine(first, time(), means.zone),
        datetime.combine(last + timedelta(days=1), time(), means.zone),
    )


def told(means: PageMeans, request: web.Request, sentences: Mapping[str, str]) -> str | None:
    """What was just done, in the language of whoever sent ``request``."""
    gettext = means.renderer.words(request).texts.gettext
    count, of = request.query.get("count", ""), request.query.get("of", "")
    if count.isdigit() and of.isdigit() and len(count + of) < 10 and count != of:
        return gettext("%(count)s of %(all)s done.") % {"count": count, "all": of}
    sentence = sentences.get(request.query.get("done", ""))
    return gettext(sentence) if sentence else None
