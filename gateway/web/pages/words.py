"""A reader's language, for texts that are made in code."""

from __future__ import annotations

from dataclasses import dataclass
from gettext import NullTranslations

from babel import Locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A language."""

    texts: NullTranslations
    locale: Locale
