"""The seam between Leadgate and a CRM: one event goes in, the CRM's own id comes back, or one of four errors.

An adapter is a folder with ``build(options, context) -> CrmAdapter`` (see registry.py). The required part is two
methods; everything else a CRM may be able to do is an optional protocol that the gateway asks for with isinstance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, to be told to a CRM."""

    type: str
    """``lead.created``, ``call.finished``, ..."""
    message_id: str
    """The same over all tries of one event: what the far side can recognise doubles by."""
    timestamp: datetime
    """When it happened; timezone-aware."""
    data: Mapping[str, Any]
    """What JSON can carry. Its shape depends on ``type`` only."""
    attempt: int = 1
    """1 for the first try. Above it an earlier try may have arrived unheard: a CRM that can't recognise doubles by
    itself is searched for ``message_id`` before anything is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The CRM has it."""

    remote_id: str | None = None
    """The CRM's id of what was made or changed, where there is one."""
    url: str | None = None
    """Where a person can open it."""


class CrmError(Exception):
    """Base of the four ways a push fails. The text is a sentence for people: never a secret, never a whole URL."""

    code: ClassVar[str]
    """Stable word for programs."""
    retryable: ClassVar[bool]
    """Whether the same push can succeed later without anybody doing anything."""


class Unavailable(CrmError):
    """No usable answer: refused connection, time-out, cut reply, 5xx. It is not known whether the CRM got it."""

    code = "unavailable"
    retryable = True


class Throttled(CrmError):
    """The CRM asks for patience: 429, or 5xx with Retry-After. Concerns everything that goes to this CRM."""

    code = "throttled"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the CRM wants to be left alone; None where it did not say."""


class Rejected(CrmError):
    """The CRM understood this event and will never take it. Others may pass."""

    code = "rejected"
    retryable = False

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field
        """The field at fault, by the CRM's name for it."""


class Misconfigured(CrmError):
    """Nothing can pass until a person changes something: bad credentials, missing rights, wrong address."""

    code = "misconfigured"
    retryable = False


class CrmAdapter(Protocol):
    """One configured CRM."""

    async def push(self, event: Event) -> Done:
        """Tell the CRM. Raises CrmError only.

        Called again with the same ``message_id`` after a lost answer or a crash: that must not make a second record.
        Several pushes may run at once; pushes about one person never do.
        """
        ...

    async def close(self) -> None:
        """Release connections. Harmless when called twice."""
        ...


@runtime_checkable
class Checks(Protocol):
    """An adapter that can try its settings without creating anything."""

    async def check(self) -> str:
        """A sentence that says what was found working. Raises CrmError with the way out."""
        ...


def utc_now() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every adapter is given besides its own options."""

    name: str
    """The configured name of this CRM, for messages."""
    allow_private: frozenset[str] | bool = False
    """Hosts that may be reached by plain http and at private addresses; True: every host in the adapter's options."""
    now: Callable[[], datetime] = field(default=utc_now, repr=False)
    """Wall time; timezone-aware."""


class Build(Protocol):
    """What each adapter's folder exports as ``build``."""

    def __call__(self, options: Mapping[str, Any], context: Context) -> CrmAdapter:
        """An adapter that has not connected anywhere yet. Needs no event loop. Raises BadOption (options.py)."""
        ...
