"""Gravity Forms webhooks (WordPress): answers under the numbers of their fields, ``1.3`` the first name of field 1.

The numbers say nothing, so a value that is an address or a number as a whole is taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.core.address import email_handle
from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.tree import said, table

_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")
_NAME_PARTS = {"3": Meaning.FIRST_NAME, "4": Meaning.MIDDLE_NAME, "6": Meaning.LAST_NAME}
_NAME_INPUTS = frozenset({"2", "3", "4", "6", "8"})
"""Prefix, first, middle, last, suffix. An address has the inputs 1 to 6, so its street or zip code tells it apart."""
_META = {"source_url": Meaning.PAGE, "ip": Meaning.IP, "user_agent": Meaning.USER_AGENT}
_ENTRY = frozenset(
    {"id", "form_id", "form_title", "post_id", "date_created", "date_updated", "is_starred", "is_read", "status",
     "currency", "payment_status", "payment_date", "payment_amount", "payment_method", "transaction_id",
     "is_fulfilled", "created_by", "transaction_type", "source_id", "is_approved"}
)  # fmt: skip
"""What Gravity Forms itself keeps about an entry."""
_PHONE = re.compile(r"\+?[\d\s().-]{10,24}")


def _recognises(body: Body) -> bool:
    return {"form_id", "date_created"} <= body.roots and any(root[:1].isdigit() for root in body.roots)


def _read(body: Body) -> Reading:
    entry = table(body.tree)
    number, form = some(entry.get("id")), some(entry.get("form_id"))
    return Reading(
        answers=answers_of(_answers(entry)),
        sender_id=f"{form}:{number}" if number else None,
        form_id=form,
        form_name=some(entry.get("form_title")),
    )


def _answers(entry: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    inputs: dict[str, set[str]] = {}
    for key in entry:
        number = _NUMBER.fullmatch(key)
        if number is not None and number.group(2):
            inputs.setdefault(number.group(1), set()).add(number.group(2))
    names = {field for field, parts in inputs.items() if parts <= _NAME_INPUTS and parts & _NAME_PARTS.keys()}
    for key, value in entry.items():
        number = _NUMBER.fullmatch(key)
        if key in _META:
            yield key, value, _META[key]
        elif number is not None and number.group(1) in names:
            yield key, value, _NAME_PARTS.get(number.group(2) or "")
        elif number is not None:
            yield key, value, _guess(said(value))
        elif key not in _ENTRY:
            yield key, value, None


def _guess(value: str) -> Meaning | None:
    if "@" in value and email_handle(value) is not None:
        return Meaning.EMAIL
    digits = sum(char.isdigit() for char in value)
    return Meaning.PHONE if _PHONE.fullmatch(value) and 10 <= digits <= 15 else None


GRAVITY_FORMS = Preset(
    name="gravity_forms", cues=frozenset({"date_created"}), recognises=_recognises, read=_read, whole=True
)
