"""The seams between rooms, each of one to three methods."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.sentences import NOTHING, Sentence
from gateway.core.types import Draft, Inbound, Json, Receipt


class Sink(Protocol):
    """Where connectors put what they received."""

    async def accept(self, item: Inbound) -> Receipt:
        """Return when ``item`` is durable. Raises NotDurable when it can't be made so: the sender must try again."""
        ...


class Cursors(Protocol):
    """How far sources were read, for those that can be read again (CDR, CEL, mailboxes)."""

    async def get(self, name: str) -> Mapping[str, Json] | None:
        """The stored place, None before the first. Raises StoreUnavailable."""
        ...

    async def put(self, name: str, value: Mapping[str, Json]) -> None:
        """Move on where nothing new was found; with an item, the item's own ``cursor`` does it. StoreUnavailable."""
        ...


class Sightings(Protocol):
    """Which items of a source were met where, for sources that can say what they have."""

    async def marks(self, source: str, place: str, since: datetime) -> Collection[str]:
        """``Sighting.mark`` of everything that came to a place since then and is stored. Raises StoreUnavailable."""
        ...


class Leases(Protocol):
    """Who may do what only one process should do at a time."""

    async def take(self, name: str, seconds: float) -> bool:
        """Take it, or keep it for longer; False while another process has it. Raises StoreUnavailable."""
        ...

    async def give_back(self, name: str) -> None:
        """Let the next one have it at once. Raises StoreUnavailable."""
        ...


class DeliveryLog(Protocol):
    """What a connector writes down beside the journal: refusals, and which content a sender's key stands for."""

    def note(
        self, source: str, outcome: str, detail: str, *, peer: str | None = None, interaction_id: str | None = None
    ) -> None:
        """Something came that is no new item. Returns at once; stored within seconds, and lost if we die before."""
        ...

    async def claim(self, key: str, content: str) -> str:
        """The content that ``key`` was first given with: ``content`` itself for a new key. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that is stored as ringing or answered."""

    key: str
    """Its ``Inbound.key``."""
    started_at: datetime
    heard_at: datetime
    """When its last report was stored."""
    details: Mapping[str, Json]
    """The ``Draft.details`` of that report."""


class OpenCalls(Protocol):
    """What a telephony connector must know of its own past after a restart."""

    async def open_calls(self, source: str) -> list[OpenCall]:
        """The calls of this PBX that are stored as open. Raises StoreUnavailable."""
        ...


class Interpreter(Protocol):
    """Turns bytes that were stored first into a Draft, in the processing. For connectors that hand over no draft."""

    async def interpret(self, raw: bytes, meta: Mapping[str, Json], received_at: datetime) -> Draft:
        """A Draft, always: an item that can't be read gives a draft that says so in ``problems``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """How one source (a PBX, a listener, a mailbox, a form) is doing, for /health and the metrics."""

    name: str
    """``ami:office``, ``smtp``, ``form:site``."""
    ok: bool
    state: str
    """One word for programs: ``connected``, ``connecting``, ``listening``, ``refused``."""
    detail: Sentence = NOTHING
    """When it is not ok: what is wrong and what to do."""
    last_event_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a person must hear of."""

    key: str
    """The same for the same trouble as long as it lasts: people are told once."""
    subject: Sentence
    text: Sentence
    """What is wrong and what to do. Each reader gets it in the own language."""


class AlarmSource(Protocol):
    """Whoever may have something that people must hear of."""

    def alarms(self) -> list[Alarm]:
        """What is wrong at this moment and has been for long enough."""
        ...


class Service(Protocol):
    """A long-lived part that app.py starts in order and stops in reverse."""

    async def start(self) -> None:
        """Returns when the part works, or raises with a sentence that names what is wrong and the way out."""
        ...

    async def stop(self) -> None:
        """Takes nothing new, ends what was begun, and returns."""
        ...


class HealthSource(Protocol):
    """Whoever can say how it is."""

    def health(self) -> list[SourceHealth]:
        """One entry a configured source."""
        ...


class Source(Service, HealthSource, Protocol):
    """A connector: a Service that can say how it is."""
