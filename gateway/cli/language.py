"""The language of whoever sits at the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import GNUTranslations

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set decides (POSIX.1-2024, "Environment Variables", 8.2)."""


def console_language(environment: Mapping[str, str]) -> str:
    """``ru`` for ``LANG=ru_RU.UTF-8``; English for ``C``, for nothing, and for a language that is not spoken here."""
    from gateway.core.languages import FALLBACK, LANGUAGES

    named = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    language = named.partition(".")[0].partition("_")[0].lower()
    return language if language in LANGUAGES else FALLBACK


def console_texts(environment: Mapping[str, str]) -> GNUTranslations:
    """The messages in that language."""
    from gateway.core.languages import load_translations

    return load_translations(console_language(environment))
