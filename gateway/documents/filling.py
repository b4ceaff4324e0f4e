"""What a person filled in, checked against the fields of the template and turned into values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from gateway.core.csvrows import parse_day
from gateway.core.errors import NotPossible
from gateway.core.money import MOST, parse_amount
from gateway.core.sentences import Unusable
from gateway.documents.template import Field, Template

MAX_TEXT = 20_000
MAX_ITEMS = 500
MAX_NUMBER = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in a document; the filter ``money`` shows it."""

    units: int
    currency: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an invoice or offer."""

    name: str
    quantity: Decimal
    unit: str
    price: Amount
    sum: Amount


@dataclass(frozen=True, slots=True)
class Filled:
    """The values of the fields, and what they add up to."""

    values: Mapping[str, Any]
    total: Amount | None


def fill(template: Template, given: Mapping[str, Any], currency: str) -> Filled:
    """The values of all fields. Raises NotPossible that names the field and what is wrong with it."""
    known = {field.name: field for field in template.head.field}
    for name in given:
        if name not in known:
            raise NotPossible(
                "The template %(name)s has no field %(field)r; it has %(known)s.",
                name=template.name,
                field=name[:40],
                known=", ".join(known),
            )
    values: dict[str, Any] = {}
    total: Amount | None = None
    for field in template.head.field:
        raw = given.get(field.name)
        if raw in (None, "", []):
            if field.required:
                raise NotPossible("Fill in %(label)s (%(name)s).", label=field.label, name=field.name)
            values[field.name] = [] if field.type == "items" else None if field.type != "text" else ""
            continue
        try:
            values[field.name] = _value(field, raw, currency)
        except ValueError as error:
            raise NotPossible("%(label)s (%(name)s): %(why)s.", label=field.label, name=field.name, why=error) from None
        if field.type == "items":
            total = Amount(sum(item.sum.units for item in values[field.name]), currency)
        elif field.type == "money" and field.name == "amount" and total is None:
            total = values[field.name]
    if total is not None and abs(total.units) > MOST:
        raise NotPossible("The sum is more than can be stored.")
    return Filled(values, total)


def _value(field: Field, raw: Any, currency: str) -> Any:
    """Raises ValueError with the rest of a sentence."""
    if field.type == "items":
        return _items(raw, currency)
    if not isinstance(raw, str | int | float) or isinstance(raw, bool):
        raise Unusable("write a text")
    text = str(raw).strip()
    if len(text) > MAX_TEXT:
        raise Unusable("it has more than %(most)s characters", most=MAX_TEXT)
    if field.type == "date":
        return parse_day(text)
    if field.type == "number":
        return _number(text)
    if field.type == "money":
        return Amount(parse_amount(text, currency), currency)
    return text


def _items(raw: Any, currency: str) -> list[Item]:
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MAX_ITEMS:
        raise Unusable("write a list of at most %(most)s items", most=MAX_ITEMS)
    return [_item(number, one, currency) for number, one in enumerate(raw, start=1)]


def _item(number: int, raw: Any, currency: str) -> Item:
    if not isinstance(raw, Mapping) or set(raw) - {"name", "quantity", "unit", "price"}:
        raise Unusable("item %(number)s has name, quantity, unit and price, nothing else", number=number)
    name = str(raw.get("name") or "").strip()
    if not name or len(name) > MAX_TEXT:
        raise Unusable("item %(number)s has no name", number=number)
    try:
        quantity = _number(str(raw.get("quantity") or "1"))
        price = parse_amount(str(raw.get("price") or "0"), currency)
    except ValueError as error:
        raise Unusable("item %(number)s: %(why)s", number=number, why=error) from None
    units = int((quantity * price).quantize(Decimal(1), ROUND_HALF_UP))
    if abs(units) > MOST:
        raise Unusable("item %(number)s: the sum is more than can be stored", number=number)
    unit = str(raw.get("unit") or "").strip()[:40]
    return Item(name, quantity, unit, Amount(price, currency), Amount(units, currency))


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ".").replace("\u00a0", "").replace(" ", ""))
    except InvalidOperation:
        raise Unusable("%(text)r is no number", text=text[:40]) from None
    if not number.is_finite() or abs(number) > MAX_NUMBER:
        raise Unusable("%(text)r is no number that can be meant", text=text[:40])
    return number


def plain_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored: JSON, readable without the template."""
    return {name: _plain(value) for name, value in values.items() if value not in (None, "", [])}


def _plain(value: Any) -> Any:
    if isinstance(value, Amount):
        return {"units": value.units, "currency": value.currency}
    if isinstance(value, Item):
        return {
            "name": value.name,
            "quantity": str(value.quantity),
            "unit": value.unit,
            "price": _plain(value.price),
            "sum": _plain(value.sum),
        }
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, date | Decimal):
        return str(value)
    return value
