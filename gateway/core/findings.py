"""What a check found, for ``leadgate doctor``: one line each, with the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters, the least first."""

    OK = "OK"
    NOTE = "NOTE"
    """Nothing is known to be wrong; what can't be found out by asking, or will change by itself."""
    WARN = "WARN"
    """It works, but not as well or as safely as it could."""
    FAIL = "FAIL"
    """It does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check. All texts are for people and never hold a secret."""

    level: Level
    subject: str
    """What was checked: ``pbx office: login``."""
    said: str
    """What was found, a sentence."""
    remedy: str = ""
    """The way out: a sentence, or the line to write and the file it belongs in. Empty where nothing is to be done."""

    def __post_init__(self) -> None:
        if self.level in (Level.WARN, Level.FAIL) and not self.remedy:
            raise ValueError(f"{self.subject}: a finding of level {self.level} needs a remedy")
