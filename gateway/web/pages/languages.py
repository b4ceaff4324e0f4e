"""The language of a page: what its reader chose, or what the browser asks for."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from babel.core import negotiate_locale

from gateway.core.languages import LANGUAGES, load_translations
from gateway.web.guard import cookie_name, session_info

__all__ = ["LANGUAGES", "LANGUAGE_COOKIE", "accepted_languages", "language_of", "load_translations"]

LANGUAGE_COOKIE = "leadgate-language"


def language_of(request: web.Request, default: str) -> str:
    """What the user chose, else what the browser chose before, else what it asks for, else the configured one."""
    session = session_info(request)
    chosen = (session.language if session else None) or request.cookies.get(cookie_name(LANGUAGE_COOKIE, request))
    if chosen in LANGUAGES:
        return chosen
    wanted = accepted_languages(request.headers.get("Accept-Language", ""))
    return negotiate_locale(wanted, list(LANGUAGES), sep="-") or (default if default in LANGUAGES else "en")


def accepted_languages(header: str) -> Sequence[str]:
    """``ru-RU,ru;q=0.9,en;q=0.8`` (RFC 9110 section 12.5.4) -> the tags, the best first."""
    weighed = []
    for position, part in enumerate(header[:500].split(",")):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            weighed.append((-weight, position, tag.strip()))
    return [tag for _, _, tag in sorted(weighed)]
