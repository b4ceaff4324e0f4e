"""Plain values into frozen settings, strictly, collecting every problem instead of stopping at the first.

msgspec checks one value against one type; this walks the tables, so that each wrong key and value is reported at its
own place, with the nearest valid name.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeVar

import msgspec

from gateway.config import wording
from gateway.config.environment import EnvironmentText, parse_json, variable_name
from gateway.config.locate import Path
from gateway.config.secrets import FILE_SUFFIX, is_secret, may_come_from_file, read_secret

T = TypeVar("T", bound=msgspec.Struct)

OPTIONS = "options"

_LISTS = (list, tuple, set, frozenset, Sequence)
_WRONG = object()
"""Stands for a value that was reported; the table it belongs to can't be made."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at one path."""

    path: Path
    sentence: str


class Reader:
    """Reads the tables of one document. ``problems`` grows while it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def table(self, kind: type[T], table: Mapping[str, Any], path: Path) -> T | None:
        """A table as its Struct, or None after reporting why it can't be.

        A Struct with a field ``options`` keeps there, unread, the keys that are not its own: its adapter reads them.
        """
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        foreign = fields.pop(OPTIONS, None)
        given = self._secrets_from_files(table, fields, path, any_name=foreign is not None)
        values: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for key, value in given.items():
            if key in fields:
                values[key] = value if value is _WRONG else self._value(fields[key].type, value, (*path, key))
            elif foreign is not None and key != OPTIONS:
                options[key] = value
            elif kind.__struct_config__.forbid_unknown_fields:
                self._unknown(key, fields, path)
        for name in (name for name, field in fields.items() if field.required and name not in given):
            self._missing(name, path)
        if foreign is not None:
            values[OPTIONS] = _WRONG if _WRONG in options.values() else options
        right = {
            fields[name].name if name in fields else name: value
            for name, value in values.items()
            if value is not _WRONG
        }
        wrong = frozenset(name for name, value in values.items() if value is _WRONG)
        return self._make(kind, right, path, wrong)

    def report(self, path: Path, sentence: str) -> None:
        """Note one problem."""
        self.problems.append(Problem(path, sentence))

    def _value(self, kind: Any, value: Any, path: Path) -> Any:
        """One value as its type; a table or a list of tables is walked into."""
        if struct := _struct_of(kind):
            opened = self._opened(value, path, "table")
            return opened if opened is _WRONG else self._subtable(struct, opened, path)
        if struct := _element_struct_of(kind):
            opened = self._opened(value, path, "list")
            return opened if opened is _WRONG else self._subtables(struct, kind, opened, path)
        return self._leaf(kind, value, path)

    def _opened(self, value: Any, path: Path, wanted: str) -> Any:
        """The table or list itself, also where the environment holds it as JSON."""
        if not isinstance(value, EnvironmentText):
            return value
        try:
            return parse_json(value)
        except ValueError as error:
            self.report(path, f"must be a {wanted} written as JSON; this is {error}.")
            return _WRONG

    def _subtable(self, struct: type[msgspec.Struct], value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            made = self.table(struct, value, path)
            return _WRONG if made is None else made
        if isinstance(value, list):
            self.report(path, f"there is only one of it: write [{path[-1]}], not [[{path[-1]}]].")
        else:
            self.report(path, f"must be a table, not {wording.found(value)}.")
        return _WRONG

    def _subtables(self, struct: type[msgspec.Struct], kind: Any, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            self.report(path, f"there may be several of it: write [[{path[-1]}]], not [{path[-1]}].")
            return _WRONG
        if not isinstance(value, list):
            self.report(path, f"must be a list of tables, not {wording.found(value)}.")
            return _WRONG
        made = [self._subtable(struct, element, (*path, position)) for position, element in enumerate(value)]
        self._twins(made, path)
        return _WRONG if any(one is _WRONG for one in made) else _container(kind)(made)

    def _twins(self, made: Sequence[Any], path: Path) -> None:
        """Two of a list may not share the key that tells them apart."""
        seen: dict[str, int] = {}
        for position, one in enumerate(made):
            identity = next((name for name in ("id", "key", "name") if hasattr(one, name)), None)
            if identity is None:
                continue
            name = getattr(one, identity)
            if name in seen:
                where = f"{path[-1]}.{seen[name]}"
                self.report((*path, position, identity), f"{name!r} is also the {identity} of {where}. Rename one.")
            seen.setdefault(name, position)

    def _leaf(self, kind: Any, value: Any, path: Path) -> Any:
        strict = True
        if isinstance(value, EnvironmentText):
            if _is_collection(kind):
                value = self._opened(value, path, wording.collection(kind))
                if value is _WRONG:
                    return _WRONG
            else:
                value, strict = str(value), False
        try:
            return msgspec.convert(value, kind, strict=strict, dec_hook=_foreign)
        except msgspec.ValidationError as error:
            where, sentence = wording.explain(error, kind, value, hide=is_secret(str(path[-1])))
            self.report((*path, *where), sentence)
            return _WRONG

    def _secrets_from_files(
        self, table: Mapping[str, Any], fields: Mapping[str, Any], path: Path, *, any_name: bool
    ) -> dict[str, Any]:
        """``password_file = "..."`` becomes ``password`` with the file's text; ``any_name``: also for unknown names."""
        given = dict(table)
        for key in table:
            name = key.removesuffix(FILE_SUFFIX)
            known = name in fields or any_name
            if key in fields or not key.endswith(FILE_SUFFIX) or not known or not may_come_from_file(name):
                continue
            file = given.pop(key)
            if name in table:
                self.report((*path, key), f"{name} is set too. Keep one of the two.")
            elif not isinstance(file, str) or not file:
                self.report((*path, key), f"must be the name of a file, not {wording.found(file)}.")
                given[name] = _WRONG
            else:
                given[name] = self._read_secret(file, (*path, key))
        return given

    def _read_secret(self, file: str, path: Path) -> Any:
        try:
            return EnvironmentText(read_secret(FilePath(file)))
        except ValueError as error:
            self.report(path, str(error))
            return _WRONG

    def _unknown(self, key: str, fields: Iterable[str], path: Path) -> None:
        names = [*fields, *(name + FILE_SUFFIX for name in fields if may_come_from_file(name))]
        near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(names)}."
        self.report((*path, key), f"unknown key. {hint}")

    def _missing(self, name: str, path: Path) -> None:
        also = f" (or {name}{FILE_SUFFIX}, the name of a file that holds it)" if may_come_from_file(name) else ""
        variable = variable_name((*path, name))
        self.report((*path, name), f"is missing. Set {name} here{also}, or the variable {variable}.")

    def _make(
        self, kind: type[T], values: Mapping[str, Any], path: Path, dropped: frozenset[str] = frozenset()
    ) -> T | None:
        """The Struct, or None after reporting what its own check refuses.

        The check stops at its first complaint. So the value to blame is dropped (its default stands in) and the check
        asked again; what it says then is told unless it names a dropped key, for that may only follow from the first.
        """
        if any(field.required and field.name not in values for field in msgspec.structs.fields(kind)):
            return None
        try:
            made = kind(**values)
        except ValueError as error:
            refusal = error
        else:
            return None if dropped else made
        if not dropped.intersection(_words(str(refusal))):
            blamed = _blame(kind, values, refusal)
            hint = _own_key_meant(kind, values, blamed)
            key = _as_written(kind, blamed)
            self.report((*path, key) if key else path, wording.sentence(str(refusal), key) + hint)
            if blamed and key:
                self._make(kind, _without(values, blamed), path, dropped | {key})
        return None


def _foreign(kind: type, value: Any) -> Any:
    """What msgspec does not know itself: names of files."""
    if kind is FilePath and isinstance(value, str):
        return FilePath(value)
    raise ValueError("Expected `str`")


def _blame(kind: type[msgspec.Struct], values: Mapping[str, Any], refusal: ValueError) -> str | None:
    """The key that a refusal is about: the one it carries or begins with, else the one without which it goes away."""
    if isinstance(key := getattr(refusal, "key", None), str):
        return key
    words = _words(str(refusal))
    for name in values:
        if words and _as_written(kind, name) == words[0]:
            return name
    optional = [field.name for field in msgspec.structs.fields(kind) if not field.required and field.name in values]
    for name in optional:
        if _refusal(kind, _without(values, name)) != str(refusal):
            return name
    return next((word for word in words if word in values), None)


def _as_written(kind: type[msgspec.Struct], name: str | None) -> str | None:
    """A field as the file calls it: ``from`` can't be the name of one."""
    return next((field.encode_name for field in msgspec.structs.fields(kind) if field.name == name), name)


def _refusal(kind: type[msgspec.Struct], values: Mapping[str, Any]) -> str | None:
    """What the Struct's own check says of ``values``; None where it has nothing to say."""
    try:
        kind(**values)
    except ValueError as error:
        return str(error)
    return None


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """``values`` without one key, which may be one of the adapter's."""
    rest = {key: value for key, value in values.items() if key != name}
    if name != OPTIONS and name in rest.get(OPTIONS, {}):
        rest[OPTIONS] = {key: value for key, value in rest[OPTIONS].items() if key != name}
    return rest


def _own_key_meant(kind: type[msgspec.Struct], values: Mapping[str, Any], blamed: str | None) -> str:
    """A hint where a key that the adapter refused looks like one of the table's own, misspelt."""
    if blamed is None or blamed not in values.get(OPTIONS, {}):
        return ""
    near = difflib.get_close_matches(blamed, kind.__struct_fields__, n=1, cutoff=0.75)
    return f" Did you mean {near[0]}?" if near else ""


def _words(sentence: str) -> list[str]:
    return re.findall(r"\w+", sentence)


def _alternatives(kind: Any) -> list[Any]:
    """The members of a union without None; the type itself where it is none. ``Annotated`` is looked through."""
    if typing.get_origin(kind) is typing.Annotated:
        return _alternatives(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [member for member in typing.get_args(kind) if member is not types.NoneType]
    return [kind]


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """``PbxSettings`` or ``PbxSettings | None`` -> PbxSettings."""
    members = _alternatives(kind)
    if len(members) == 1 and isinstance(members[0], type) and issubclass(members[0], msgspec.Struct):
        return members[0]
    return None


def _element_struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """``tuple[PbxSettings, ...]`` -> PbxSettings."""
    members = _alternatives(kind)
    if len(members) == 1 and typing.get_origin(members[0]) in (list, tuple):
        return _struct_of(typing.get_args(members[0])[0])
    return None


def _container(kind: Any) -> Any:
    return typing.get_origin(_alternatives(kind)[0])


def _is_collection(kind: Any) -> bool:
    """True where no text can be meant, only a list or a table."""
    origins = [typing.get_origin(member) or member for member in _alternatives(kind)]
    return all(origin in (*_LISTS, dict, Mapping) for origin in origins)
