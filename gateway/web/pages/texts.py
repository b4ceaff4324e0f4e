"""Translated texts within templates. A page asks for some five hundred of them, nearly all the same as the page before.

Jinja's own functions take the template's context, which within a loop is copied for each call; these don't need it.
"""

from __future__ import annotations

from functools import lru_cache
from gettext import NullTranslations
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

KEPT = 4096
"""Texts of one language that are kept ready: more than the catalogue has."""


def install(environment: Environment, translations: NullTranslations) -> None:
    """``_``, ``gettext``, ``ngettext`` and ``{% trans %}`` as Jinja's "newstyle" has them, for templates that escape.

    The text is markup, what is put into it (``%(name)s``) is escaped.
    """

    @lru_cache(maxsize=KEPT)
    def ready(message: str) -> Markup:
        return Markup(translations.gettext(message)) % {}  # noqa: S704 - our own catalogue

    def gettext(message: str, /, **variables: Any) -> Markup:
        if not variables:
            return ready(message)
        return Markup(translations.gettext(message)) % variables  # noqa: S704 - our own catalogue

    def ngettext(singular: str, plural: str, number: int, /, **variables: Any) -> Markup:
        variables.setdefault("num", number)
        return Markup(translations.ngettext(singular, plural, number)) % variables  # noqa: S704 - our own catalogue

    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update({"_": gettext, "gettext": gettext, "ngettext": ngettext})
