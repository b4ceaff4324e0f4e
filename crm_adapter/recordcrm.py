"""What the author of an adapter writes for a CRM that keeps records: five methods, and as many powers as it has.

Each method raises CrmError only (base.py). None of them has to care for doubles, retries, order or links: that is
RecordAdapter's work. What the author promises in return:

- a record that is created carries the marker (the ``id`` of what is passed in) in a field that ``find`` searches;
- updates change only what is passed in, and never blank or overwrite what a person wrote in the CRM;
- Gone is raised where the record to change, or one of ``where``, was deleted or merged at the CRM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from crm_adapter.base import Capabilities, RecordingFile
from crm_adapter.people import User
from crm_adapter.records import Call, Kind, Lead, Message, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A record at the CRM."""

    id: str
    url: str | None = None
    """Where a person can open it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The records that a new one belongs to, by the CRM's ids."""

    contact: str | None = None
    lead: str | None = None
    owner: str | None = None
    """The user to give it to; None: whom the CRM takes by default."""


class RecordCrm(Protocol):
    """The required part."""

    capabilities: Capabilities

    async def find(self, kind: Kind, marker: str, where: Where) -> Remote | None:
        """The record that was made with ``marker``; ``where`` it would belong, for CRMs that list notes by their
        parents only. Asked before a second try only. None for kinds with a key of the CRM's own against doubles."""
        ...

    async def find_contact(self, person: Person) -> Remote | None:
        """Somebody with one of the person's phones or mails; of several the oldest."""
        ...

    async def upsert_contact(self, person: Person, known: str | None, where: Where) -> Remote:
        """Make the contact (``known`` None), or add to ``known`` the phones and mails that it lacks."""
        ...

    async def create_or_update_lead(self, lead: Lead, known: str | None, where: Where) -> Remote:
        """Make the lead (``known`` None), or bring ``known`` up to date."""
        ...

    async def close(self) -> None:
        """Release connections. Harmless when called twice."""
        ...


@runtime_checkable
class LogsCalls(Protocol):
    """Calls in the CRM's history."""

    async def log_call(self, call: Call, where: Where) -> Remote:
        """Write the call down."""
        ...


@runtime_checkable
class ShowsCalls(Protocol):
    """A card on the screens of those whose phones ring: who calls, before they answer. For CRMs with a telephony of
    their own, where ``capabilities.cards`` says so; ``log_call`` gets the card's id as ``call.card``, and ends it."""

    async def show_card(self, call: Call, where: Where, users: Sequence[str], others: Sequence[str]) -> str:
        """Show the card of a call that rings or was answered to ``users``, of whom there is one at least, and take it
        away from ``others``; its id. ``call.card``: it is there already. The same call asked for twice is one card."""
        ...


@runtime_checkable
class AttachesRecordings(Protocol):
    """Recordings as files. A CRM that wants a link reads ``call.recording_url`` in ``log_call``."""

    async def attach_recording(self, call: Call, remote_call: str, file: RecordingFile) -> None:
        """Add the file to the call; a second time it replaces the first."""
        ...


@runtime_checkable
class LogsMail(Protocol):
    """Letters in the CRM's history. Never sends anything to the customer."""

    async def log_email(self, letter: Message, where: Where) -> Remote:
        """Write the letter down."""
        ...


@runtime_checkable
class LogsForms(Protocol):
    """Form submissions in the CRM's history, beside the lead that the first of them opened."""

    async def log_form(self, form: Message, where: Where) -> Remote:
        """Write the submission down."""
        ...


@runtime_checkable
class AssignsOwners(Protocol):
    """For CRMs where ownership is an operation of its own; others set it in the two upserts."""

    async def assign_owner(self, kind: Kind, remote_id: str, user: str) -> None:
        """Give the record to ``user``."""
        ...


@runtime_checkable
class ListsUsers(Protocol):
    """Users with mail and extensions."""

    async def list_users(self) -> Sequence[User]:
        """All of them, inactive ones marked."""
        ...


@runtime_checkable
class FindsOwner(Protocol):
    """Whose customer is it: asked while the phone rings, so one quick request."""

    async def find_owner(self, person: Person) -> User | None:
        """The user to whom the contact with this phone or mail belongs. ``person.id`` is empty."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A contact of the CRM and whose it is."""

    remote_id: str
    user: str | None
    """The CRM's user id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedPage:
    """What changed since a place, and the place to go on from."""

    found: Sequence[Owned]
    next_place: str
    """In words of the adapter, as a time or an offset; stored and handed back."""
    more: bool = False
    """There is another page at once."""


@runtime_checkable
class ReadsOwners(Protocol):
    """Contacts whose owner may have changed, for the poll."""

    async def owners_since(self, place: str | None, now: datetime) -> OwnedPage:
        """Changes since ``place``; None: from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One thing that ``leadgate crm check`` looked at."""

    subject: str
    """``rights``, ``field UF_CRM_1``."""
    said: str
    """A sentence."""
    ok: bool = True
    remedy: str = ""
    """The way out where it is not ok."""


@runtime_checkable
class Examines(Protocol):
    """Rights, modes and fields, one by one, without creating anything."""

    async def examine(self) -> Sequence[Examined]:
        """What was found; raises CrmError where nothing can be asked at all."""
        ...


@runtime_checkable
class Previews(Protocol):
    """Shows what a lead would be sent as."""

    def preview(self, lead: Lead, where: Where) -> Mapping[str, object]:
        """The body of the request that would make the lead, without secrets."""
        ...
