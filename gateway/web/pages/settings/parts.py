"""What the pages of the administration are given of the house: all of it made by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.capture.replay import Stored
from gateway.core.findings import Finding
from gateway.core.types import Draft
from gateway.routing.assign import Assigner
from gateway.routing.calendars import Schedules
from gateway.routing.rules import RuleSettings
from gateway.routing.settings import ExceptionSettings
from gateway.web.health import StatusSource

Examine = Callable[[str, str], Awaitable[list[Finding]]]
"""Kind and name of something that is configured -> what doctor says of it. LookupError where there is none."""
Try = Callable[[str, Mapping[str, str]], Awaitable[list[Finding]]]
"""Kind and what was typed -> the same for something that is not configured yet. ValueError with a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """Something that is configured."""

    kind: str
    """``pbx``, ``mailbox``, ``listener``, ``form``, ``sender`` or ``crm``."""
    name: str
    about: str
    """Where it is: host, address, adapter. Never a secret."""
    health: tuple[str, ...] = ()
    """How it is called among the sources of /health."""
    key: str = ""
    """For forms: the last part of the address."""
    examined: bool = True
    """Whether doctor has anything to say of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDesk:
    """Reads submissions of forms again, or for the first time."""

    read_again: Callable[[Stored, bool], Draft]
    """A stored submission, and whether a person says that it is no spam."""
    read_sample: Callable[[str, bytes, str], Draft]
    """A form's key, a body and its content type; nothing is stored."""
    public_address: str
    """Where forms arrive, as ``http://127.0.0.1:8080``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsParts:
    """All of it."""

    status: StatusSource
    sources: Sequence[SourceInfo]
    examine: Examine
    attempt: Try
    forms: FormDesk
    schedules: Schedules
    weeks: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Name of a schedule -> weekday -> hours as the file has them."""
    exceptions: Sequence[ExceptionSettings] = ()
    """Those of the file."""
    assigner: Assigner
    rules: Sequence[RuleSettings]
    region: str
    config_file: str | None
    """None: the gateway runs on its embedded default."""
