"""A template: a head in TOML that says what it is and what has to be filled in, and HTML with fields below it. Pure.

::

    +++
    kind = "invoice"
    name = "Invoice"
    number = "INV-{year}-{number:04}"
    title = "Invoice {{ label }}"
    [[field]]
    name = "items"
    label = "Goods and services"
    type = "items"
    +++
    <h1>Invoice {{ label }}</h1> ...
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Literal

import msgspec

from gateway.core.errors import LeadgateError

FieldType = Literal["text", "long", "date", "number", "money", "items"]
_FENCE = re.compile(r"\+\+\+[ \t]*\r?\n(.*?)\r?\n\+\+\+[ \t]*(?:\r?\n|$)(.*)", re.DOTALL)
_NUMBER = re.compile(r"\{(year|number)(?::0(\d))?\}")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
RESERVED = frozenset(
    {"label", "date", "company", "contact", "lead", "manager", "total", "total_vat", "currency", "language"}
)
"""What every template has without asking."""


class BadTemplate(LeadgateError):
    """A template that can't be used. The sentence names the file and what to change."""

    code = "bad_template"


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a person fills in."""

    name: str
    label: str
    """What the form says."""
    type: FieldType = "text"
    required: bool = False
    default: str = ""
    """Jinja: ``{{ lead.subject }}``."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of a template."""

    kind: str
    """Documents of one kind share their numbers."""
    name: str
    """How people choose it."""
    number: str = "{year}-{number:04}"
    """The number as people read it."""
    title: str
    """Jinja, as the three below it."""
    subject: str = ""
    """Of the letter it is sent with; empty: the title."""
    message: str = ""
    """Text of that letter."""
    attach: bool = True
    """The letter carries it as a PDF; otherwise the HTML is the letter."""
    field: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template in one language."""

    name: str
    language: str
    head: Head
    html: str
    own: bool
    """The company's own, not one that Leadgate brings along."""

    def label(self, year: int, number: int) -> str:
        """The number as people read it: ``INV-2026-0007``."""

        def put(match: re.Match[str]) -> str:
            value = year if match.group(1) == "year" else number
            return f"{value:0{match.group(2) or 1}}"

        return _NUMBER.sub(put, self.head.number)


def parse_template(text: str, *, name: str, language: str, own: bool) -> Template:
    """A template as it stands in its file. Raises BadTemplate."""
    where = f"The template {name}.{language}.html"
    match = _FENCE.match(text.lstrip("\ufeff"))
    if match is None:
        raise BadTemplate("%(where)s does not begin with a head in TOML between two lines of +++.", where=where)
    try:
        head = msgspec.convert(tomllib.loads(match.group(1)), Head)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadTemplate("%(where)s: its head can't be used: %(why)s.", where=where, why=error) from None
    if NAME.fullmatch(head.kind) is None:
        raise BadTemplate(
            "%(where)s: kind = %(kind)r is not made of small letters, digits, - and _.", where=where, kind=head.kind
        )
    if not re.search(r"\{number(?::0\d)?\}", head.number) or "{year" not in head.number:
        raise BadTemplate(
            "%(where)s: number needs {year} and {number}, or two documents would have the same.", where=where
        )
    if re.search(r"[{}<>&\"'\\]", _NUMBER.sub("", head.number)):
        raise BadTemplate(
            "%(where)s: number may have {year}, {number} and {number:04} in plain text, nothing else.", where=where
        )
    names = [field.name for field in head.field]
    for field_name in names:
        if not field_name.isidentifier() or field_name in RESERVED or field_name.startswith("_"):
            raise BadTemplate("%(where)s: a field can't be called %(field_name)r.", where=where, field_name=field_name)
    if len(set(names)) < len(names):
        raise BadTemplate("%(where)s: two fields have the same name.", where=where)
    return Template(name=name, language=language, head=head, html=match.group(2), own=own)
