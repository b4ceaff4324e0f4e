"""The languages of the pages: gettext catalogues, read and compiled when the gateway starts."""

from __future__ import annotations

from collections.abc import Sequence
from gettext import GNUTranslations
from importlib import resources
from io import BytesIO

from aiohttp import web
from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from gateway.web.guard import session_info

LANGUAGES = {"en": "English", "ru": "Русский"}
"""Code to its own name."""
LANGUAGE_COOKIE = "leadgate-language"


def read_catalog(language: str) -> Catalog:
    """The messages of a language as translators keep them."""
    path = resources.files("gateway").joinpath("locale", language, "LC_MESSAGES", "leadgate.po")
    return read_po(BytesIO(path.read_bytes()), locale=language)


def load_translations(language: str) -> GNUTranslations:
    """The compiled messages of a language, plural rules included."""
    compiled = BytesIO()
    write_mo(compiled, read_catalog(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def language_of(request: web.Request, default: str) -> str:
    """What the user chose, else what the browser chose before, else what it asks for, else the configured one."""
    session = session_info(request)
    chosen = (session.language if session else None) or request.cookies.get(LANGUAGE_COOKIE)
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
