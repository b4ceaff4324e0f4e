"""The stages of the company's pipeline: which there are, what they are called, what a move between them does. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.core.errors import NotPossible
from gateway.leads.settings import LeadsSettings, StageSettings

OPEN, WON, LOST, SPAM, MERGED = "open", "won", "lost", "spam", "merged"
CLOSED = frozenset({WON, LOST, SPAM})
MAX_REASON = 500


def _(message: str) -> str:
    """Marks a message for the translators; the page translates it."""
    return message


DEFAULT_NAMES: Mapping[str, str] = {
    "new": _("New"),
    "qualified": _("Qualified"),
    "decision_maker": _("Talked to the decision maker"),
    "offer": _("Offer sent"),
    "meeting_set": _("Meeting set"),
    "meeting_held": _("Meeting held"),
    "contract": _("Contract agreed"),
    "paid": _("Paid"),
}
"""Message ids of the default stages' names."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lead stands."""

    stage: str
    status: str
    reason: str | None = None


class Pipeline:
    """The stages in their order."""

    def __init__(self, settings: LeadsSettings) -> None:
        self.settings = settings
        self.stages: Sequence[StageSettings] = settings.stages
        self._by_key = {stage.key: stage for stage in self.stages}

    def stage(self, key: str) -> StageSettings | None:
        """The stage of this key; None for one that an earlier configuration had."""
        return self._by_key.get(key)

    def name(self, key: str, gettext: Callable[[str], str]) -> str:
        """A stage's name for people; the key itself for one that is no longer configured."""
        stage = self._by_key.get(key)
        if stage is not None and stage.name:
            return stage.name
        return gettext(DEFAULT_NAMES[key]) if key in DEFAULT_NAMES else key

    def names(self, gettext: Callable[[str], str]) -> dict[str, str]:
        """Key to name, in the pipeline's order."""
        return {stage.key: self.name(stage.key, gettext) for stage in self.stages}

    def moved(
        self, now: Place, *, stage: str | None = None, status: str | None = None, reason: str | None = None
    ) -> Place:
        """Where a lead stands after a person set ``stage``, ``status`` or both. Raises NotPossible with a sentence.

        A won stage wins the lead, and winning it moves it to the won stage. An open stage opens a closed lead again.
        """
        if now.status == MERGED:
            raise NotPossible("This lead was joined to another one: work on that one.")
        if stage is not None and stage not in self._by_key:
            raise NotPossible(
                "There is no stage %(stage)r; there are %(known)s.", stage=stage[:40], known=", ".join(self._by_key)
            )
        wanted = status if status is not None else self._status_of(stage, now)
        if wanted not in {OPEN, *CLOSED}:
            raise NotPossible(
                "There is no status %(wanted)r to be set; there are open, won, lost and spam.", wanted=wanted[:40]
            )
        target = stage if stage is not None else self._stage_for(wanted, now)
        self._fits(target, wanted)
        return Place(target, wanted, self._reason(wanted, reason, now))

    def _status_of(self, stage: str | None, now: Place) -> str:
        if stage is None:
            return now.status
        return WON if self._by_key[stage].won else OPEN

    def _stage_for(self, status: str, now: Place) -> str:
        """The stage that a bare status means: the won one, and for a reopened lead one that is not won."""
        here = self._by_key.get(now.stage)
        won = next((stage.key for stage in self.stages if stage.won), None)
        if status == WON and won is not None and not (here is not None and here.won):
            return won
        if status != WON and here is not None and here.won:
            before = [stage.key for stage in self.stages if not stage.won]
            return before[-1]
        return now.stage

    def _fits(self, stage: str, status: str) -> None:
        found = self._by_key.get(stage)
        if found is not None and found.won and status != WON:
            raise NotPossible(
                "A lead in the stage %(stage)r is won; choose another stage with %(status)r.",
                stage=stage,
                status=status,
            )
        if status == WON and found is not None and not found.won and any(each.won for each in self.stages):
            raise NotPossible("A won lead can't be in the stage %(stage)r.", stage=stage)

    def _reason(self, status: str, reason: str | None, now: Place) -> str | None:
        words = (reason or "").strip()
        if status not in {LOST, SPAM}:
            if words:
                raise NotPossible("A reason is only kept for leads that are lost or spam.")
            return None
        if not words:
            if now.status == status:
                return now.reason
            words = "spam" if status == SPAM and not self.settings.spam_reasons else ""
        if not words:
            raise NotPossible("Say why it is %(status)s: reason.", status=status)
        allowed = self.settings.lost_reasons if status == LOST else self.settings.spam_reasons
        if allowed and words not in allowed:
            raise NotPossible(
                "There is no reason %(words)r; there are: %(known)s.", words=words[:80], known="; ".join(allowed)
            )
        if len(words) > MAX_REASON:
            raise NotPossible("The reason has more than %(most)s characters.", most=MAX_REASON)
        return words
