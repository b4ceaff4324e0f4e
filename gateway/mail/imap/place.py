"""How far a folder was read, and which of its letters are to be read: functions of what the server says. No IO.

A folder is read by UID (RFC 9051 section 2.3.1.1): UIDs only grow, and mean anything only together with UIDVALIDITY.
When that changes, all UIDs are new; the folder is then listed from its beginning, and the letters that we have already
are told by their content (gateway.mail.identity).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from gateway.core.types import Json
from gateway.mail.settings import ALL, NOW

LAST_UID = 2**32 - 1
"""The largest UID there can be (RFC 9051 section 2.3.1.1)."""
WINDOW = 50_000
"""UIDs asked for by one SEARCH. Its answer is one line, of which imaplib reads 1,000,000 bytes: 90,000 long UIDs."""
BATCH_LETTERS = 100
"""Letters of one FETCH: measured best against Dovecot, 12,000 a second; 500 are slower, single ones 2,000."""
BATCH_OCTETS = 8 << 20
"""Bytes of one FETCH, because a batch is in memory as a whole, several times over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """What EXAMINE answers (RFC 9051 section 6.3.3)."""

    uidvalidity: int
    """0 where the server gives none."""
    uidnext: int | None
    """The UID that the next letter will have, or None where the server does not say."""
    exists: int
    """Letters in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far one folder was read: the value of the cursor ``imap:{mailbox}/{folder}``."""

    uidvalidity: int
    last_uid: int
    """Every letter with this UID or a smaller one was read or is none of ours to read."""
    horizon: int
    """Letters up to this UID were there when reading began: of them only those since ``since`` are read."""
    since: datetime | None
    """The moment from which on letters are read, by when they came into the mailbox; None: all of them."""
    heard_at: datetime | None = None
    """When the last letters were handed over, or when reading began; None: an earlier version did not write it."""
    unmarked: tuple[int, ...] = ()
    """UIDs of stored letters, ascending, with which ``after`` was not done yet."""

    def as_json(self) -> dict[str, Json]:
        """For the cursor."""
        return {
            "uidvalidity": self.uidvalidity,
            "last_uid": self.last_uid,
            "horizon": self.horizon,
            "since": self.since.isoformat() if self.since else None,
            "heard_at": self.heard_at.isoformat() if self.heard_at else None,
            **({"unmarked": ranges(self.unmarked)} if self.unmarked else {}),
        }

    @staticmethod
    def from_json(value: Mapping[str, Json]) -> Place:
        """What as_json wrote. Raises KeyError, TypeError or ValueError for anything else."""
        since, heard_at = value["since"], value.get("heard_at")
        return Place(
            uidvalidity=int(value["uidvalidity"]),
            last_uid=int(value["last_uid"]),
            horizon=int(value["horizon"]),
            since=datetime.fromisoformat(since) if since is not None else None,
            heard_at=datetime.fromisoformat(heard_at) if heard_at is not None else None,
            unmarked=numbers(value.get("unmarked", "")),
        )

    def at(self, uid: int, heard_at: datetime | None = None) -> Place:
        """The same, read up to ``uid``, with letters that were handed over at ``heard_at``."""
        return replace(self, last_uid=uid, heard_at=heard_at or self.heard_at)

    def wants(self, uid: int, arrived: datetime | None) -> bool:
        """Whether a letter is to be read. One whose arrival the server does not tell is: rather twice than never."""
        if uid <= self.last_uid:
            return False
        return uid > self.horizon or self.since is None or arrived is None or arrived >= self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One letter of a folder, before its body is fetched."""

    uid: int
    size: int
    """RFC822.SIZE, bytes."""
    arrived: datetime | None
    """INTERNALDATE: when the server took it; None where it says nothing that can be read."""


def moment_of(since: str, now: datetime) -> datetime | None:
    """The setting ``since`` as a moment: ``now``, a day (from midnight, UTC), None for ``all``. Raises ValueError."""
    if since == NOW:
        return now
    if since == ALL:
        return None
    return datetime.combine(date.fromisoformat(since), time(), UTC)


def first_place(state: FolderState, highest: int, since: str, now: datetime) -> Place:
    """Where to begin in a folder that was never read. ``highest`` is the largest UID in it, 0 where it is empty."""
    moment = moment_of(since, now)
    begun = highest if since == NOW else 0
    return Place(uidvalidity=state.uidvalidity, last_uid=begun, horizon=highest, since=moment, heard_at=now)


def same_numbers(place: Place, state: FolderState) -> bool:
    """Whether UIDs still mean what they meant. A UIDNEXT that went back is a server that was restored from a copy."""
    if place.uidvalidity != state.uidvalidity:
        return False
    return state.uidnext is None or state.uidnext > place.last_uid


def anew(place: Place, state: FolderState, highest: int) -> Place:
    """Where to go on after UIDVALIDITY changed: at the beginning, with what came since reading once began."""
    return replace(place, uidvalidity=state.uidvalidity, last_uid=0, horizon=highest, unmarked=())


def ranges(uids: Sequence[int]) -> str:
    """Ascending UIDs as a sequence-set (RFC 9051 section 9): ``1:100,105``. Short, for letters come one by one."""
    found: list[list[int]] = []
    for uid in uids:
        if found and uid == found[-1][1] + 1:
            found[-1][1] = uid
        else:
            found.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in found)


def numbers(written: str) -> tuple[int, ...]:
    """What ``ranges`` wrote. Raises ValueError for anything else."""
    found: list[int] = []
    for piece in filter(None, written.split(",")):
        first, _, last = piece.partition(":")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(found)


def windows(first: int, top: int, exists: int) -> Iterator[tuple[int, int]]:
    """``first`` to ``top`` in ranges of UIDs, each short enough for one SEARCH in a folder of ``exists`` letters."""
    if exists <= WINDOW:
        if first <= top:
            yield first, top
        return
    while first <= top:
        yield first, min(first + WINDOW - 1, top)
        first += WINDOW


def batches(letters: Sequence[Listed], *, singly_up_to: int = 0) -> Iterator[list[Listed]]:
    """``letters`` in groups for one FETCH each, in their order; those up to the UID ``singly_up_to`` one by one."""
    group: list[Listed] = []
    octets = 0
    for letter in letters:
        full = len(group) == BATCH_LETTERS or octets + letter.size > BATCH_OCTETS
        if group and (full or group[-1].uid <= singly_up_to):
            yield group
            group, octets = [], 0
        group.append(letter)
        octets += letter.size
    if group:
        yield group
