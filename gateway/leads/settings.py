"""``[leads]`` of the configuration."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

import msgspec

from gateway.core.money import check_currency
from gateway.leads.durations import Span, parse_span

FIRST_STAGE = "new"
"""Where every lead begins, whatever stages the pipeline has after it."""


class StageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[leads.stage]]``: a step on a lead's way, in the order of the file."""

    key: str
    """Small letters, digits and ``_``: how programs call it. The first stage is ``new``."""
    name: str = ""
    """How people call it, in all languages. The default stages have names in each language."""
    stuck_after: str = ""
    """The owner is reminded of a lead that stays longer, as ``2d``; empty: never."""
    won: bool = False
    """A lead that comes here is won."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", self.key):
            raise ValueError(f"key {self.key!r} is not made of small letters, digits and _, such as offer_sent")
        if self.stuck_after:
            _checked_span("stuck_after", self.stuck_after)

    @property
    def stuck(self) -> Span | None:
        """``stuck_after`` parsed."""
        return parse_span(self.stuck_after) if self.stuck_after else None


class TaskRuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[leads.task]]``: a task that Leadgate makes by itself."""

    name: str
    """Its own; told with the task."""
    when: Literal["stage", "opened", "quiet"] = "stage"
    """``stage``: a lead comes to ``stage``; ``opened``: a lead is opened; ``quiet``: nothing happened for ``after``."""
    stage: str = ""
    """With ``when = "stage"``: which. The task is void when the lead goes on before it is done."""
    after: str = "0m"
    """When it is due after that: ``30m``, ``4h`` (working time), ``3d``, ``2w`` (moved to the next working moment)."""
    kind: Literal["call", "write", "meet", "other"] = "call"
    """What is to be done."""
    text: str
    """What the manager reads."""

    def __post_init__(self) -> None:
        _checked_span("after", self.after)
        if (self.when == "stage") != bool(self.stage):
            raise ValueError('stage belongs to when = "stage", and to that only')
        if self.when == "quiet" and not parse_span(self.after).length:
            raise ValueError('when = "quiet" needs after, such as after = "7d"')

    @property
    def span(self) -> Span:
        """``after`` parsed."""
        return parse_span(self.after)


class LeadsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a lead, and the way it goes then."""

    open_for_outbound: bool = False
    """Also a call or mail that we began opens a lead where the person has none. Off: it only joins an open one."""
    history_days: int = 30
    """Calls and letters read from logs, mailboxes and files that are older (days) open no lead and tell no CRM: they
    are history. 0: they all open leads, however old."""
    currency: str = "RUB"
    """Of amounts for which none is named (ISO 4217)."""
    lost_reasons: tuple[str, ...] = ()
    """The reasons for which a lead may be lost; empty: any words."""
    spam_reasons: tuple[str, ...] = ()
    """The same for spam."""
    stage: tuple[StageSettings, ...] = ()
    """The steps of the pipeline; empty: those of a simple sales funnel."""
    task: tuple[TaskRuleSettings, ...] = ()
    """Tasks that Leadgate makes by itself."""

    def __post_init__(self) -> None:
        if not 0 <= self.history_days <= 36_500:
            raise ValueError(f"history_days = {self.history_days} is out of range: 0 (no limit) to 36500")
        check_currency(self.currency)
        keys = [stage.key for stage in self.stage]
        if keys and keys[0] != FIRST_STAGE:
            raise ValueError(f'the first stage has key = "{keys[0]}", but every lead begins in "{FIRST_STAGE}"')
        if len(set(keys)) < len(keys):
            raise ValueError("two stages have the same key")
        if self.stage and self.stage[0].won:
            raise ValueError("the first stage can't be the won one")
        names = [rule.name for rule in self.task]
        if len(set(names)) < len(names):
            raise ValueError("two rules for tasks have the same name")
        known = keys or [stage.key for stage in DEFAULT_STAGES]
        for rule in self.task:
            if rule.stage and rule.stage not in known:
                raise ValueError(f"the task {rule.name!r} waits for the stage {rule.stage!r}, which is not there")

    @property
    def history(self) -> timedelta | None:
        """The age from which on something read later is history; None for never."""
        return timedelta(days=self.history_days) if self.history_days else None

    @property
    def stages(self) -> tuple[StageSettings, ...]:
        """The pipeline."""
        return self.stage or DEFAULT_STAGES


def _checked_span(key: str, text: str) -> None:
    try:
        parse_span(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


DEFAULT_STAGES = (
    StageSettings(key=FIRST_STAGE, stuck_after="1d"),
    StageSettings(key="qualified", stuck_after="3d"),
    StageSettings(key="decision_maker", stuck_after="7d"),
    StageSettings(key="offer", stuck_after="7d"),
    StageSettings(key="meeting_set", stuck_after="14d"),
    StageSettings(key="meeting_held", stuck_after="7d"),
    StageSettings(key="contract", stuck_after="14d"),
    StageSettings(key="paid", won=True),
)
"""The eight of a simple sales funnel; ``pipeline.DEFAULT_NAMES`` has their names."""
