"""What the sources of leads cost, entered or imported: one amount a source and period, and periods do not overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from gateway.audit.log import Deed, record
from gateway.core.by import By
from gateway.core.csvrows import BadRow, Row, parse_day
from gateway.core.errors import Conflict, LeadgateError, NotFound, NotPossible
from gateway.core.money import check_currency, parse_amount
from gateway.core.sentences import Sentence
from gateway.core.types import Channel
from gateway.storage.tables import Spend

TEXTS = {
    "source": Sentence("The source"),
    "medium": Sentence("The medium"),
    "campaign": Sentence("The campaign"),
    "comment": Sentence("The comment"),
}
MAX_TEXT = 300
LONGEST_DAYS = 3660


class NewSpend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one source cost in one period."""

    source: str = ""
    """``utm_source``, or the name of a line, mailbox or form; empty: all of the channel."""
    medium: str = ""
    campaign: str = ""
    channel: Literal["", "call", "mail", "form"] = ""
    """Empty: all channels."""
    first_day: date
    last_day: date
    """Inclusive."""
    amount: str
    """Decimal: ``12500.50``."""
    currency: str = ""
    """ISO 4217; empty: ``[leads] currency``."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of an amount."""

    spend_id: str
    made: bool = False
    changed: bool = False


def add_spend(connection: Connection, new: NewSpend, currency: str, by: By) -> str:
    """Store an amount; its id. Raises NotPossible; Conflict where this source has one for these days."""
    columns = _columns(new, currency)
    same = _same(connection, columns)
    if same is not None:
        raise Conflict("There is an amount for this source and period already (%(same)s): change that one.", same=same)
    return _insert(connection, columns, by)


def put_spend(connection: Connection, new: NewSpend, currency: str, by: By) -> Put:
    """The same for imports: the amount of a source and period that is there already is set anew."""
    columns = _columns(new, currency)
    same = _same(connection, columns)
    if same is None:
        return Put(spend_id=_insert(connection, columns, by), made=True)
    row = connection.execute(select(Spend).where(Spend.id == same)).one()
    values = {name: columns[name] for name in ("amount", "comment")}
    if all(getattr(row, name) == value for name, value in values.items()):
        return Put(spend_id=same)
    connection.execute(
        update(Spend).where(Spend.id == same).values(**values, updated_at=by.at, version=row.version + 1)
    )
    _write_down(connection, "spend.changed", same, {"amount": [row.amount, values["amount"]]}, by)
    return Put(spend_id=same, changed=True)


def change_spend(
    connection: Connection, spend_id: str, new: NewSpend, currency: str, by: By, *, version: int | None = None
) -> None:
    """Set all of an amount anew. Raises NotFound, NotPossible, Conflict."""
    row = connection.execute(select(Spend).where(Spend.id == spend_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("There is no amount with this id.")
    if version is not None and version != row.version:
        raise Conflict("Somebody changed it meanwhile: load it again, then repeat your change.")
    columns = _columns(new, currency)
    same = _same(connection, columns, except_id=spend_id)
    if same is not None:
        raise Conflict("There is an amount for this source and period already: %(same)s.", same=same)
    connection.execute(
        update(Spend).where(Spend.id == spend_id).values(**columns, updated_at=by.at, version=row.version + 1)
    )
    _write_down(connection, "spend.changed", spend_id, {"amount": [row.amount, columns["amount"]]}, by)


def remove_spend(connection: Connection, spend_id: str, by: By) -> None:
    """Remove an amount. Raises NotFound."""
    row = connection.execute(select(Spend).where(Spend.id == spend_id)).one_or_none()
    if row is None:
        raise NotFound("There is no amount with this id.")
    connection.execute(delete(Spend).where(Spend.id == spend_id))
    detail = {"source": row.source, "amount": row.amount, "first_day": row.first_day, "last_day": row.last_day}
    _write_down(connection, "spend.removed", spend_id, detail, by)


def _columns(new: NewSpend, currency: str) -> dict[str, Any]:
    """Checked. Raises NotPossible."""
    if new.last_day < new.first_day:
        raise NotPossible("The period ends before it begins.")
    if (new.last_day - new.first_day).days > LONGEST_DAYS or not 1990 <= new.first_day.year <= 2200:
        raise NotPossible("The period can't be meant: it is longer than ten years, or long ago, or far away.")
    texts = {name: getattr(new, name).strip() for name in TEXTS}
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise NotPossible("%(what)s has more than %(most)s characters.", what=TEXTS[name], most=MAX_TEXT)
    if not (texts["source"] or new.channel):
        raise NotPossible("Say what was paid for: source or channel.")
    try:
        code = check_currency(new.currency.strip().upper() or currency)
        amount = parse_amount(new.amount, code)
    except ValueError as error:
        raise NotPossible("The amount can't be used: %(why)s.", why=error) from None
    days = {"first_day": new.first_day, "last_day": new.last_day}
    return {**texts, "channel": new.channel, **days, "amount": amount, "currency": code}


def _same(connection: Connection, columns: Mapping[str, Any], *, except_id: str | None = None) -> str | None:
    """Id of the amount for exactly this source and period. Raises Conflict where one for other days overlaps."""
    source = [getattr(Spend, name) == columns[name] for name in ("source", "medium", "campaign", "channel", "currency")]
    meets = (Spend.first_day <= columns["last_day"], Spend.last_day >= columns["first_day"])
    query = select(Spend.id, Spend.first_day, Spend.last_day).where(*source, *meets)
    if except_id is not None:
        query = query.where(Spend.id != except_id)
    same = None
    for row in connection.execute(query):
        if (row.first_day, row.last_day) != (columns["first_day"], columns["last_day"]):
            raise Conflict(
                "The period overlaps with the amount for %(first_day)s to %(last_day)s (%(id)s): what falls into both "
                "would count twice.",
                first_day=row.first_day,
                last_day=row.last_day,
                id=row.id,
            )
        same = row.id
    return same


def _insert(connection: Connection, columns: Mapping[str, Any], by: By) -> str:
    spend_id = by.new_id()
    made = {"id": spend_id, "created_by": by.actor, "created_at": by.at, "updated_at": by.at}
    connection.execute(insert(Spend), {**columns, **made})
    detail = {"source": columns["source"], "amount": columns["amount"], "currency": columns["currency"]}
    _write_down(connection, "spend.added", spend_id, detail, by)
    return spend_id


def _write_down(connection: Connection, action: str, spend_id: str, detail: dict[str, Any], by: By) -> None:
    deed = Deed(actor=by.actor, action=action, object_kind="spend", object_id=spend_id, detail=detail)
    record(connection, deed, by.at)


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "source": ("source", "utm_source", "источник"),
    "medium": ("medium", "utm_medium", "тип"),
    "campaign": ("campaign", "utm_campaign", "кампания"),
    "channel": ("channel", "канал"),
    "first_day": ("first_day", "from", "since", "date", "day", "начало", "дата", "с"),
    "last_day": ("last_day", "to", "until", "конец", "по"),
    "amount": ("amount", "cost", "spend", "сумма", "расход", "стоимость"),
    "currency": ("currency", "валюта"),
    "comment": ("comment", "note", "комментарий"),
}
"""Names that the columns of a CSV file may have."""


@dataclass(slots=True)
class Imported:
    """What an import did."""

    rows: int = 0
    made: int = 0
    changed: int = 0
    known: int = 0
    refused: list[BadRow] = field(default_factory=list)

    def add(self, other: Imported) -> None:
        """What the next rows of the same file did."""
        self.rows += other.rows
        self.made += other.made
        self.changed += other.changed
        self.known += other.known
        self.refused += other.refused


def import_rows(connection: Connection, rows: Iterable[Row], currency: str, by: By) -> Imported:
    """Store some rows of a file; a second time it changes nothing."""
    done = Imported()
    for row in rows:
        done.rows += 1
        try:
            with connection.begin_nested():
                put = put_spend(connection, spend_of_row(row), currency, by)
        except LeadgateError as error:
            done.refused.append(BadRow(row.line, str(error)))
            continue
        done.made += put.made
        done.changed += put.changed
        done.known += not (put.made or put.changed)
    return done


def spend_of_row(row: Row) -> NewSpend:
    """A row of a CSV file. Raises NotPossible with a sentence."""
    channel = row.get("channel").lower()
    if channel not in {"", *Channel}:
        raise NotPossible(
            "There is no channel %(channel)r; there are %(known)s.", channel=channel[:40], known=", ".join(Channel)
        )
    day: Callable[[str], date] = parse_day
    try:
        first = day(row.get("first_day"))
        last = day(row.get("last_day")) if row.get("last_day") else first
    except ValueError as error:
        raise NotPossible("%(why)s.", why=error) from None
    texts = {name: row.get(name) for name in ("source", "medium", "campaign", "amount", "currency", "comment")}
    return NewSpend(channel=channel, first_day=first, last_day=last, **texts)  # type: ignore[arg-type]
