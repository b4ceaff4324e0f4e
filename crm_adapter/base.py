"""The seam between Leadgate and a CRM: one event goes in, the CRM's own id comes back, or one of four errors.

An adapter is a folder with ``build(options, context) -> CrmAdapter`` (see registry.py). The required part is two
methods; everything else a CRM may be able to do is an optional protocol that the gateway asks for with isinstance.

A CRM that keeps contacts, leads and calls does not implement ``push`` itself: its author writes a RecordCrm
(recordcrm.py), and RecordAdapter (recordadapter.py) turns events into its operations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from crm_adapter.links import Links, MemoryLinks
from crm_adapter.people import Manager
from crm_adapter.vault import MemoryVault, Vault


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
    """Base of the ways a push fails. The text is a sentence for people: never a secret, never a whole URL."""

    code: ClassVar[str]
    """Stable word for programs."""
    retryable: ClassVar[bool]
    """Whether the same push can succeed later without anybody doing anything."""


class Unavailable(CrmError):
    """No usable answer: refused connection, time-out, cut reply, 5xx. It is not known whether the CRM got it."""

    code = "unavailable"
    retryable = True


class Unknown(Unavailable):
    """The request was sent and no whole answer came back: the CRM may have done it. Before it is sent again the CRM is
    searched for the marker."""

    code = "unknown"


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


class Gone(Rejected):
    """A record that this was to change, or to belong to, is not at the CRM any more: people deleted it, or made it part
    of another one. RecordAdapter then does without it, or finds another; an error like Rejected where that fails."""


class Conflict(CrmError):
    """The CRM has several records that this could be about, and a person must say which."""

    code = "conflict"
    retryable = False

    def __init__(self, reason: str, *, remote_ids: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.remote_ids = tuple(remote_ids)
        """The CRM's ids of those records."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What became of a person in one place of an adapter."""

    place: str
    """A file, as people name it."""
    count: int = 0
    """Lines that were removed."""
    problem: str = ""
    """Why the person may be there still; empty where that is done."""


@runtime_checkable
class Forgets(Protocol):
    """An adapter that keeps what it was told where it can remove it again."""

    async def forget(self, ids: Collection[str], handles: Collection[str]) -> Sequence[Forgotten]:
        """Remove what was told of a person: all that names one of our ids, or a number (E.164) or mail address."""
        ...


class Idempotency(StrEnum):
    """How this CRM is kept from making a second record of one thing."""

    NATIVE = "native"
    """It recognises a key of ours by itself."""
    MARKER = "marker"
    """It keeps a key of ours, and is searched for it after an answer was lost."""
    NONE = "none"
    """It can't be searched: after a lost answer there may be two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a CRM can take. For people (``leadgate crm check``) and for the worker."""

    contacts: bool = False
    leads: bool = False
    calls: bool = False
    recordings: str = ""
    """``link``, ``upload`` or empty: none."""
    cards: bool = False
    """Who calls can be shown while the phone rings."""
    mail: bool = False
    users: bool = False
    """Its users can be listed, so managers are matched by mail or extension."""
    owners: bool = False
    """Whose contact it is can be read back."""
    idempotency: Idempotency = Idempotency.NATIVE
    parallel: int = 100
    """Pushes under way at once that still make sense under its rate limit."""


@runtime_checkable
class Capable(Protocol):
    """An adapter that says what its CRM can take."""

    @property
    def capabilities(self) -> Capabilities:
        """Fixed while the adapter lives."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """The recording of one call."""

    name: str
    """``2026-11-22-101.wav``."""
    content_type: str
    content: bytes = field(repr=False)


def utc_now() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


async def no_managers() -> Sequence[Manager]:
    """Where nobody is known."""
    return ()


async def no_recording(_call_id: str) -> RecordingFile | None:
    """Where recordings can't be read."""
    return None


async def no_recording_url(_call_id: str) -> str | None:
    """Where recordings have no address."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every adapter is given besides its own options."""

    name: str
    """The configured name of this CRM, for messages."""
    allow_private: frozenset[str] | bool = False
    """Hosts that may be reached by plain http and at private addresses; True: every host in the adapter's options."""
    language: str = "en"
    """Of the words that we write into the CRM ourselves: ``en`` or ``ru``."""
    now: Callable[[], datetime] = field(default=utc_now, repr=False)
    """Wall time; timezone-aware."""
    links: Links = field(default_factory=MemoryLinks, repr=False)
    """The map of remote ids, kept by the gateway over restarts."""
    managers: Callable[[], Awaitable[Sequence[Manager]]] = field(default=no_managers, repr=False)
    """Our own people, to be matched with the CRM's users."""
    recording: Callable[[str], Awaitable[RecordingFile | None]] = field(default=no_recording, repr=False)
    """The recording of the call of this id, for a CRM that wants it uploaded; None where there is none."""
    recording_url: Callable[[str], Awaitable[str | None]] = field(default=no_recording_url, repr=False)
    """Its address, for a CRM that fetches recordings itself; None where it has none."""
    vault: Vault = field(default_factory=MemoryVault, repr=False)
    """Where a token that changes is kept over restarts."""


class Build(Protocol):
    """What each adapter's folder exports as ``build``."""

    def __call__(self, options: Mapping[str, Any], context: Context) -> CrmAdapter:
        """An adapter that has not connected anywhere yet. Needs no event loop. Raises BadOption (options.py)."""
        ...
