"""Where a visitor came from, in the advertiser's words: from fields, cookies and the page's address. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.core.types import Source
from gateway.webforms.labels import Meaning, click_id_name, utm_name

MAX_COOKIES = 200
MAX_QUERY = 100
"""Cookies and query parameters that are looked at."""
SOURCEBUSTER = {"src": "source", "mdm": "medium", "cmp": "campaign", "cnt": "content", "trm": "term"}
"""Names inside the cookie ``sbjs_current`` of the sbjs library."""

Labelled = tuple[Meaning, str, str]
"""Meaning, label, value."""


class _Found:
    """Collects; what was found first stays, as the surest places are looked at first."""

    def __init__(self) -> None:
        self.utm: dict[str, str] = {}
        self.click_ids: dict[str, str] = {}

    def take(self, name: str, value: str) -> None:
        """A field, cookie or query parameter that may be a UTM tag or a click id."""
        if not value:
            return
        tag = utm_name(name)
        if tag is not None:
            self.utm.setdefault(tag, value)
            return
        click = click_id_name(name)
        if click is not None:
            self.click_ids.setdefault(click, _without_version(value) if click == "ga" else value)


def attribution(sent: Iterable[Labelled], query: Iterable[tuple[str, str]], *, name: str, page: str | None) -> Source:
    """The source of one submission.

    ``sent`` are the answers that were sent along (``Meaning.filled_in`` is false), ``query`` the parameters of the
    address that was posted to, ``page`` the page by the browser's Referer header. Fields go before cookies, cookies
    before the page's address.
    """
    found = _Found()
    referer = None
    cookies: list[tuple[str, str]] = []
    for meaning, label, value in sent:
        if meaning is Meaning.UTM or meaning is Meaning.CLICK_ID:
            found.take(label, value)
        elif meaning is Meaning.COOKIES:
            cookies.extend(split_cookies(value))
        elif meaning is Meaning.SOURCEBUSTER:
            cookies.append((label.strip().lower(), value))
        elif meaning is Meaning.PAGE:
            page = value
        elif meaning is Meaning.REFERER:
            referer = value
    for parameter, value in query:
        found.take(parameter, value)
    _from_cookies(found, cookies)
    if page is not None:
        for parameter, value in _query_of(page):
            found.take(parameter, value)
    return Source(name=name, page=page, referer=referer, utm=found.utm, click_ids=found.click_ids)


def split_cookies(header: str) -> list[tuple[str, str]]:
    """``a=1; b=2`` -> pairs, values percent-decoded."""
    pairs = []
    for part in header.split(";", MAX_COOKIES)[:MAX_COOKIES]:
        name, _, value = part.strip().partition("=")
        pairs.append((name, unquote(value, errors="replace")))
    return pairs


def _from_cookies(found: _Found, cookies: list[tuple[str, str]]) -> None:
    for name, value in cookies:
        if name == "TILDAUTM":  # utm_source=yandex|||utm_medium=cpc|||
            for part in value.split("|||"):
                tag, _, content = part.partition("=")
                found.take(tag, content)
        elif name == "sbjs_current":  # typ=utm|||src=yandex|||mdm=cpc|||cmp=(none)
            for part in value.split("|||"):
                key, _, content = part.partition("=")
                if key in SOURCEBUSTER and content not in ("", "(none)"):
                    found.take(f"utm_{SOURCEBUSTER[key]}", content)
        elif click_id_name(name) is not None:
            found.take(name, value)


def _query_of(page: str) -> list[tuple[str, str]]:
    try:
        query = urlsplit(page).query
        return parse_qsl(query, max_num_fields=MAX_QUERY, errors="replace") if query else []
    except ValueError:
        return []


def _without_version(value: str) -> str:
    """``GA1.2.123456.789`` -> ``123456.789``: the part that Analytics calls the client id."""
    parts = value.split(".")
    return ".".join(parts[2:]) if len(parts) == 4 and parts[0].startswith("GA") else value
