"""What the pages of leads know of other rooms' settings, given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.leads.pipeline import Pipeline
from gateway.leads.settings import LeadsSettings

Stages = Callable[[Callable[[str], str]], Mapping[str, str]]
"""Given a translator: key -> name of the pipeline's stages, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadParts:
    """The defaults are those of a fresh installation."""

    leads: LeadsSettings = field(default_factory=LeadsSettings)
    senders: Mapping[str, str] = field(default_factory=dict)
    """Name -> address of each ``[[sender]]``; empty: no letter can be written."""

    @property
    def stages(self) -> Stages:
        """The pipeline's stages for people."""
        return Pipeline(self.leads).names
