"""Words to find in names, numbers, addresses and texts.

The index of trigrams (migration 0016) names the rows that can have the words, and the rows themselves decide. Where
more than FEW can, the words are so frequent that a list read in its own order soon has its page full: then, and where
there is no index, each row is asked as it is read. docs/decisions/0010 tells why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute

from gateway.storage.tables import Contact, ContactHandle, Interaction, Lead, table_of
from gateway.web.queries.filters import has_words, is_names_only, is_number, phone_digits

FEW = 2000
"""Rows that are looked at one by one."""
LETTERS = 3
"""Of a word that the index knows."""

FEW_DIGITS = 3
"""So many in what is looked for, and a number may be meant; a company's name rarely has them."""
NATIONAL = 10
"""Digits of a whole number without its country."""

Key = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
Choices = Sequence[Sequence[str]]
"""Of one of them all words must be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Searched:
    """A table with words."""

    table: Table
    columns: tuple[str, ...]
    index: str
    """Its index on SQLite."""
    numbered: bool = False
    """The index has the rows' own ids; otherwise those of ``search_entry``."""

    def has(self, row: FromClause, choices: Choices) -> ColumnElement[bool]:
        """Each word is in one of the row's columns. Written as in the indexes of PostgreSQL, or they don't fit."""
        columns: list[ColumnElement[Any]] = [row.c[name] for name in self.columns]
        if not self.numbered:
            columns = [func.substr(column, literal_column("1"), literal_column("4000")) for column in columns]
        return or_(*(and_(*(has_words(word, columns) for word in words)) for words in choices))

    def exists(self, choices: Choices, belongs: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
        """There is a row that has the words and belongs to the one of the list."""
        row = self.table.alias()
        return select(row.c.id).where(belongs(row), self.has(row, choices)).exists()


CONTACTS = _Searched(table=table_of(Contact), columns=("name", "company"), index="search_contact")
LEADS = _Searched(table=table_of(Lead), columns=("subject", "text"), index="search_lead")
TALK = _Searched(table=table_of(Interaction), columns=("name", "subject", "text"), index="search_interaction")
HANDLES = _Searched(table=table_of(ContactHandle), columns=("value",), index="search_handle", numbered=True)


def contact_matches(connection: Connection, contact_id: Key, words: str) -> ColumnElement[bool]:
    """The contact's name and company, or one of its handles, have ``words``; digits are looked for in numbers too."""
    if is_names_only():
        return _named_or_whole(connection, contact_id, words)
    digits = phone_digits(words)
    found: list[ColumnElement[bool]] = []
    if digits is not None:
        # the trunk prefix (8 in Russia, 0 in most of Europe) is not part of the number as it is stored
        parts = sorted({digits, digits[1:]} if len(digits) > 4 and digits[0] in "08" else {digits})
        found.append(_of_contact(connection, HANDLES, "contact_id", contact_id, [[part] for part in parts]))
        if is_number(words):
            return found[0]
    spoken = words.split()
    found.append(_of_contact(connection, CONTACTS, "id", contact_id, [spoken]))
    if words.isascii():  # numbers and addresses are stored in ASCII
        found.append(_of_contact(connection, HANDLES, "contact_id", contact_id, [spoken]))
    return or_(*found)


def _named_or_whole(connection: Connection, contact_id: Key, words: str) -> ColumnElement[bool]:
    """For who sees numbers masked: a name, or a handle that is known already, digit for digit, letter for letter."""
    digits = re.sub(r"\D", "", words)
    if "@" in words:
        whole: ColumnElement[bool] = ContactHandle.value == words.strip().lower()
    elif len(digits) >= FEW_DIGITS:
        national = digits[1:] if digits[0] in "08" else digits
        whole = ContactHandle.value == f"+{digits}"
        if len(national) >= NATIONAL:
            whole = or_(whole, ContactHandle.value.endswith(national))
    else:
        return _of_contact(connection, CONTACTS, "id", contact_id, [words.split()])
    return contact_id.in_(select(ContactHandle.contact_id).where(whole))


def lead_matches(connection: Connection, words: str) -> ColumnElement[bool]:
    """The request, one of its letters and forms, or its contact has ``words``; of a number only the contact.

    Less than three letters are in nearly every text: they are looked for in names and numbers.
    """
    person = contact_matches(connection, Lead.contact_id, words)
    choices = [words.split()]
    if is_number(words) or not _letters(choices) or is_names_only():
        return person
    ids = _candidates(connection, TALK, "lead_id", choices)
    said = _among(Lead.id, ids) if ids is not None else TALK.exists(choices, lambda row: row.c.lead_id == Lead.id)
    return or_(person, _own(connection, LEADS, Lead.id, choices), said)


def interaction_matches(connection: Connection, words: str) -> ColumnElement[bool]:
    """The name, subject and text of a call, letter or form have ``words``, or its contact has."""
    person = contact_matches(connection, Interaction.contact_id, words)
    if is_names_only():
        return person
    choices = [words.split()]
    return or_(_own(connection, TALK, Interaction.id, choices), person) if _letters(choices) else person


def _own(connection: Connection, searched: _Searched, key: Key, choices: Choices) -> ColumnElement[bool]:
    """Of a list of the searched table itself."""
    ids = _candidates(connection, searched, "id", choices)
    return _among(key, ids) if ids is not None else searched.has(searched.table, choices)


def _among(key: Key, ids: Sequence[str]) -> ColumnElement[bool]:
    return key.in_(ids) if ids else false()  # of an empty IN SQLite would ask every row


def _of_contact(
    connection: Connection, searched: _Searched, column: str, contact_id: Key, choices: Choices
) -> ColumnElement[bool]:
    """Of a list whose rows belong to contacts. ``column`` is the contact's id in the searched table."""
    ids = _candidates(connection, searched, column, choices)
    if ids is not None:
        return _among(contact_id, ids)
    return searched.exists(choices, lambda row: row.c[column] == contact_id)


def _candidates(connection: Connection, searched: _Searched, column: str, choices: Choices) -> list[str] | None:
    """``column`` of all rows that have the words; None where there are too many, or nothing to look them up in."""
    wanted = select(searched.table.c[column]).where(searched.has(searched.table, choices))
    if connection.dialect.name == "sqlite" and _letters(choices):
        near = _near(connection, searched, choices)
        if not near:
            return near
        wanted = wanted.where(searched.table.c.id.in_(near))
    found = connection.execute(wanted.limit(FEW + 1)).scalars().all()
    return list(dict.fromkeys(key for key in found if key is not None)) if len(found) <= FEW else None


def _near(connection: Connection, searched: _Searched, choices: Choices) -> list[Any] | None:
    """Ids of the rows that have every three letters of the words, somewhere."""
    if not _is_there(connection, searched.index):
        return None
    rows = f"SELECT rowid FROM {searched.index} WHERE {searched.index} MATCH :words LIMIT {FEW + 1}"  # noqa: S608 - our names
    if not searched.numbered:
        rows = f"SELECT object_id FROM search_entry WHERE number IN ({rows})"  # noqa: S608 - as above
    found = connection.execute(text(rows), {"words": _question(choices)}).scalars().all()
    return list(found) if len(found) <= FEW else None


def _is_there(connection: Connection, index: str) -> bool:
    query = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name")
    return connection.execute(query, {"name": index}).first() is not None


def _question(choices: Choices) -> str:
    """In the words of FTS5: each trigram a string, https://www.sqlite.org/fts5.html#full_text_query_syntax."""
    return " OR ".join(f"({' AND '.join(map(_quoted, _trigrams(words)))})" for words in choices)


def _trigrams(words: Sequence[str]) -> list[str]:
    parts = (word[start : start + LETTERS] for word in words for start in range(len(word) - LETTERS + 1))
    return list(dict.fromkeys(parts))


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'


def _letters(choices: Choices) -> bool:
    return all(any(len(word) >= LETTERS for word in words) for words in choices)
