"""How each form is doing: when its newest submission came, what went wrong, and whether it fell silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.ports import SourceHealth
from gateway.core.sentences import NOTHING, Sentence, counted
from gateway.core.types import Cursor, Json, Kind
from gateway.webforms.settings import FormSettings

NOTED_EVERY = timedelta(hours=1)
"""How often the moment of the newest submission is stored: the alarm counts days."""


@dataclass(slots=True)
class FormState:
    """What is known of one form. Only the moment of the newest submission outlives a restart."""

    form: FormSettings
    last_at: datetime | None = None
    """The newest submission of this run, whatever its kind."""
    heard_at: datetime | None = None
    """The newest one of a person, of earlier runs too; the first start, where there is none."""
    noted_at: datetime | None = None
    """What of ``heard_at`` is stored."""
    tested_at: datetime | None = None
    refused_at: datetime | None = None
    """The newest request without proof of its sender, when none with it came since."""
    failure: Sentence | None = None

    @property
    def cursor_name(self) -> str:
        """Under which the moment is stored."""
        return f"form:{self.form.key}"

    def remember(self, stored: Mapping[str, Json] | None, now: datetime) -> bool:
        """Take up what an earlier run stored; False where there is nothing, so that counting begins now."""
        last = stored.get("last") if stored else None
        self.heard_at = self.noted_at = datetime.fromisoformat(last) if isinstance(last, str) else now
        return stored is not None

    def as_stored(self, moment: datetime) -> dict[str, Json]:
        """The cursor's value."""
        return {"last": moment.isoformat()}

    def cursor(self, kind: Kind, at: datetime) -> Cursor | None:
        """What to store with a submission, so that the alarm knows of it after a restart."""
        if not self.form.silent_days or kind is not Kind.MESSAGE:
            return None
        if self.noted_at is not None and at - self.noted_at < NOTED_EVERY:
            return None
        return Cursor(name=self.cursor_name, value=self.as_stored(at))

    def came(self, kind: Kind, at: datetime, *, noted: bool) -> None:
        """A submission is durable."""
        self.last_at = at
        self.failure = self.refused_at = None
        if kind is Kind.TEST:
            self.tested_at = at
        elif kind is Kind.MESSAGE:
            self.heard_at = at
            if noted:
                self.noted_at = at

    def health(self, now: datetime, incomplete: Sentence = NOTHING) -> SourceHealth:
        """One line of /health. ``incomplete``: why leads of it wait for their answers."""
        state, detail = self._trouble(now)
        if incomplete and not detail:
            state, detail = "incomplete", incomplete
        tested = (
            Sentence("The newest test ping came at %(moment)s UTC.", {"moment": f"{self.tested_at:%Y-%m-%d %H:%M}"})
            if self.tested_at
            else NOTHING
        )
        return SourceHealth(
            name=f"form:{self.form.key}",
            ok=not detail,
            state=state,
            detail=detail or tested,
            last_event_at=self.last_at,
        )

    def _trouble(self, now: datetime) -> tuple[str, Sentence]:
        if self.failure is not None:
            return "refusing", self.failure
        if self.refused_at is not None:
            return "unproven", Sentence(
                "A request at %(moment)s UTC was refused: its signature or secret is missing or wrong. Compare secret "
                "with the one that the sender has.",
                {"moment": f"{self.refused_at:%Y-%m-%d %H:%M}"},
            )
        silent = self.form.silent_days
        if silent and self.heard_at is not None and now - self.heard_at > timedelta(days=silent):
            return "silent", counted(
                "No submission for %(num)s day: see whether the site still has its form, and posts to this key.",
                "No submission for %(num)s days: see whether the site still has its form, and posts to this key.",
                (now - self.heard_at).days,
            )
        return "listening", NOTHING
