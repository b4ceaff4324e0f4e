"""What a check found, for ``leadgate doctor`` and the pages: one line each, with the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.sentences import NOTHING, Sentence


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
    """The result of one check. All texts are for people, in their language, and never hold a secret."""

    code: str
    """What was checked, a stable word for programs: ``pbx.login``."""
    level: Level
    subject: Sentence
    """What was checked: ``pbx office: login``."""
    said: Sentence
    """What was found."""
    remedy: Sentence = NOTHING
    """The way out: what to do, or the line to write and the file it belongs in. Nothing where nothing is to be done."""

    def __post_init__(self) -> None:
        if self.level in (Level.WARN, Level.FAIL) and not self.remedy:
            raise ValueError(f"{self.subject}: a finding of level {self.level} needs a remedy")

    def as_json(self) -> dict[str, str]:
        """For programs: English, and the code that does not change."""
        return {
            "code": self.code,
            "level": self.level.value,
            "subject": str(self.subject),
            "said": str(self.said),
            "remedy": str(self.remedy),
        }
