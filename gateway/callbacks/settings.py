"""``[callbacks]`` of the configuration: what opens a callback, what closes it, who is reminded when."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Literal

import msgspec

from gateway.core.sentences import Unusable

OWNER, GROUP, CHIEF = "owner", "group", "chief"
"""Whom a step may tell, beside logins."""
MAX_MINUTES = 60 * 24 * 60
"""Two months of working time: nothing that waits longer is a reminder."""

WORDS = (
    "перезвон", "позвон", "обратн* звон", "заказ* звон", "закажите звонок", "свяжитесь со мной", "жду звонка",
    "наберите меня", "call me", "call back", "callback", "give me a call", "phone me", "ring me", "return my call",
)  # fmt: skip
"""Beginnings of words, a star is the rest of one."""


class StepSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[callbacks.step]]``: whom to remind after how much working time."""

    after_minutes: int
    """Minutes of working time since the person began to wait."""
    tell: str = OWNER
    """``owner`` (who claimed it, else who owns it, else the group), ``group`` (all managers), ``chief``, or a login."""

    def __post_init__(self) -> None:
        if not 0 <= self.after_minutes <= MAX_MINUTES:
            raise ValueError(f"after_minutes = {self.after_minutes} is out of range: 0 to {MAX_MINUTES}")
        if not self.tell.strip():
            raise ValueError('tell is empty. Write "owner", "group", "chief" or a login')

    @property
    def after(self) -> timedelta:
        """Working time."""
        return timedelta(minutes=self.after_minutes)


DEFAULT_STEPS = (
    StepSettings(after_minutes=10, tell=OWNER),
    StepSettings(after_minutes=30, tell=GROUP),
    StepSettings(after_minutes=60, tell=CHIEF),
)


class CallbacksSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[callbacks]``."""

    enabled: bool = True
    """False: nothing opens a callback; those that are open still close."""
    target_minutes: int = 30
    """A callback is in time when the person was reached within so many minutes of working time."""
    forms: Literal["asking", "all", "none"] = "asking"
    """Which forms open one: those that ask for a call by their words, all, or none."""
    call_forms: tuple[str, ...] = ()
    """Keys of forms whose every submission asks for a call."""
    mail: Literal["asking", "all", "none"] = "asking"
    """Which letters open one."""
    words: tuple[str, ...] = WORDS
    """What asks for a call: beginnings of words in any case, a star for the rest of one."""
    ignored_reasons: tuple[str, ...] = ()
    """Reasons of missed calls that open none, as ``announcement``."""
    max_age_days: int = 3
    """What is known only so many days later opens none: nobody waits for an answer any more."""
    letter_closes: bool = False
    """A letter that somebody wrote to the person closes too; automatic replies never do."""
    snooze: tuple[str, ...] = ("15m", "1h", "09:00")
    """Presets, in working time: minutes, hours, or a time of the next working day."""
    step: tuple[StepSettings, ...] = DEFAULT_STEPS
    """Reminders, in order of their time."""

    def __post_init__(self) -> None:
        if not 1 <= self.target_minutes <= MAX_MINUTES:
            raise ValueError(f"target_minutes = {self.target_minutes} is out of range: 1 to {MAX_MINUTES}")
        if not 0 <= self.max_age_days <= 3650:
            raise ValueError(f"max_age_days = {self.max_age_days} is out of range: 0 to 3650")
        if any(not word.strip(" *") for word in self.words):
            raise ValueError("words has an empty one, which every letter contains. Remove it")
        for preset in self.snooze:
            parse_preset(preset)
        times = [step.after_minutes for step in self.step]
        if times != sorted(times):
            raise ValueError(f"step: the steps are not in order of their after_minutes: {times}")

    @property
    def target(self) -> timedelta:
        """Working time."""
        return timedelta(minutes=self.target_minutes)

    @property
    def max_age(self) -> timedelta:
        """What is older opens nothing."""
        return timedelta(days=self.max_age_days)


def parse_preset(text: str) -> timedelta | time:
    """``15m`` and ``1h`` are working time, ``09:00`` is that time on the next working day. Raises ValueError."""
    if match := re.fullmatch(r"([0-9]{1,4})([mh])", text):
        amount = timedelta(minutes=int(match[1])) if match[2] == "m" else timedelta(hours=int(match[1]))
        if timedelta() < amount <= timedelta(minutes=MAX_MINUTES):
            return amount
    elif re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        return time.fromisoformat(text)
    raise Unusable('snooze: %(text)r is no preset. Write "15m", "2h" or "09:00"', text=text)
