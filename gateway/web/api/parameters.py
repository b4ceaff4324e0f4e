"""What callers may ask of a list, checked; a mistake is named rather than ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from gateway.core.address import canonical_address
from gateway.core.phone import to_e164
from gateway.core.types import Channel
from gateway.web.problems import Refused
from gateway.web.queries.filters import Filters, Position

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string", "maxLength": MAX_TEXT})


SINCE = Parameter(
    "since",
    "From this moment on: ISO 8601. A date, or a time without a zone, is meant in the configured zone.",
    {"type": "string", "examples": ["2026-11-22", "2026-11-22T09:00:00+03:00"]},
)
UNTIL = Parameter("until", "Before this moment; written like `since`.", SINCE.schema)
CHANNEL = Parameter("channel", "How the person came.", {"type": "string", "enum": [c.value for c in Channel]})
STATUS = Parameter("status", "The state, as the objects of this list show it.")
MANAGER = Parameter("manager", "Id or login of a manager; `none` for what belongs to nobody.")
PHONE = Parameter("phone", "A phone number in any spelling.")
EMAIL = Parameter("email", "A mail address.")
WORDS = Parameter("q", "To be found in names, numbers, addresses and texts.")
LIMIT = Parameter(
    "limit",
    "Items a page.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = Parameter("cursor", "`next` of the page before.")

FILTERS = (SINCE, UNTIL, CHANNEL, STATUS, MANAGER, PHONE, EMAIL, WORDS, LIMIT, CURSOR)
"""What every list understands."""


@dataclass(frozen=True, slots=True)
class FilterReader:
    """Reads filters as people of one country and time zone write them."""

    region: str
    zone: ZoneInfo

    def read(self, query: MultiMapping[str], *, numbered: bool = False) -> Filters:
        """``query`` as Filters. Raises Refused (400) that names the parameter and what is wrong with it.

        Lists that are numbered page by row numbers, so ``cursor`` is left to ``row_cursor``.
        """
        _known(query, FILTERS)
        return Filters(
            since=_read(query, "since", self.moment),
            until=_read(query, "until", self.moment),
            channel=_read(query, "channel", _channel),
            status=_read(query, "status", _text),
            manager=_read(query, "manager", _text),
            phone=_read(query, "phone", self.phone),
            email=_read(query, "email", _email),
            q=_read(query, "q", _text),
            limit=_read(query, "limit", _limit) or DEFAULT_LIMIT,
            after=None if numbered else _read(query, "cursor", Position.decode),
        )

    def moment(self, text: str) -> datetime:
        """ISO 8601, without a zone in ours. Raises ValueError."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("write it as 2026-11-22 or 2026-11-22T09:00:00+03:00") from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self.zone)

    def phone(self, text: str) -> str:
        """E.164. Raises ValueError."""
        # a plus sign that was not quoted arrives as a space
        number = to_e164(text[:MAX_TEXT], self.region) or to_e164("+" + text.strip()[:MAX_TEXT], self.region)
        if number is None:
            raise ValueError("this is no public phone number")
        return number


def _read(query: Mapping[str, str] | MultiMapping[str], name: str, convert: Callable[[str], Any]) -> Any:
    text = query.get(name)
    if text is None or text == "":
        return None
    try:
        if "\x00" in text:
            raise ValueError("it contains a NUL")  # noqa: TRY301 - one place turns all of these into an answer
        return convert(text)
    except ValueError as error:
        raise Refused(
            400, "bad_parameter", "The parameter %(name)s can't be used: %(why)s.", name=name, why=error
        ) from None


def page_of(query: Mapping[str, str]) -> tuple[int, Position | None]:
    """``limit`` and ``cursor`` of a list that is read apart from FilterReader. Raises Refused."""
    return _read(query, "limit", _limit) or DEFAULT_LIMIT, _read(query, "cursor", Position.decode)


def row_cursor(query: MultiMapping[str]) -> int | None:
    """``cursor`` of a list that pages by row numbers. Raises Refused."""
    text = query.get("cursor", "")
    if not text:
        return None
    return row_number(text, "cursor")


def row_number(text: str, name: str) -> int:
    """A row number as written in an address. Raises Refused."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # 18 digits always fit 64 bits
        raise Refused(400, "bad_parameter", "The parameter %(name)s can't be used: it is no row number.", name=name)
    return int(text)


def _known(query: MultiMapping[str], parameters: tuple[Parameter, ...]) -> None:
    names = [parameter.name for parameter in parameters]
    for name in query:
        if name not in names:
            raise Refused(
                400,
                "unknown_parameter",
                'There is no parameter "%(name)s"; there are %(names)s.',
                name=name[:40],
                names=", ".join(names),
            )


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters")
    return text.strip()


def _channel(text: str) -> str:
    if text not in set(Channel):
        raise ValueError(f"there are {', '.join(Channel)}")
    return text


def _email(text: str) -> str:
    address = canonical_address(text)
    if address is None:
        raise ValueError("this is no mail address")
    return address


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MAX_LIMIT and len(text) <= 4):
        raise ValueError(f"it is a number from 1 to {MAX_LIMIT}")
    return int(text)
