"""What is written about the settings says all of them, with the defaults that they have."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import Settings
from gateway.config.convert import OPTIONS, _element_struct_of, _struct_of
from gateway.config.settings import Tables
from gateway.config.template import template

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"


def every_field() -> Iterator[tuple[str, str, msgspec.structs.FieldInfo]]:
    """Header, key and field of all settings."""
    for table in msgspec.structs.fields(Tables):
        yield from fields_of(table.name, table.type)


def fields_of(name: str, kind: Any) -> Iterator[tuple[str, str, msgspec.structs.FieldInfo]]:
    """Those of one table, and of the lists of tables in it: they have headings of their own."""
    several = _element_struct_of(kind)
    struct = several or _struct_of(kind)
    assert struct is not None
    header = f"[[{name}]]" if several else f"[{name}]"
    for field in msgspec.structs.fields(struct):
        if _element_struct_of(field.type):
            yield from fields_of(f"{name}.{field.name}", field.type)
        elif field.name != OPTIONS:
            yield header, field.encode_name, field


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def uncommented() -> str:
    """The template with every setting switched on."""
    text = re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", template())
    return text.replace("whsec_REPLACE", "whsec_" + "c2VjcmV0" * 4)


def load(text: str, folder: Path) -> Settings:
    file = folder / "leadgate.toml"
    file.write_text(text, encoding="utf-8")
    return Settings.load(file, {})


def sections(text: str) -> dict[str, str]:
    """Header to what stands below it, comments too."""
    parts = re.split(r"(?m)^#?(\[\[?[a-z.]+\]\]?)$", text)
    found: dict[str, str] = {}
    for header, below in zip(parts[1::2], parts[2::2], strict=True):
        found[header] = found.get(header, "") + below
    return found


def test_the_template_is_valid_as_it_is_and_changes_nothing(tmp_path: Path) -> None:
    settings = load(template(), tmp_path)
    plain = Settings.load(None, {})
    for name in Tables.__struct_fields__:
        assert getattr(settings, name) == getattr(plain, name), name


@pytest.mark.parametrize("other_way", ["agi_", "route"], ids=["moved by us", "the dialplan asks"])
def test_the_template_is_valid_with_every_setting_switched_on(tmp_path: Path, other_way: str) -> None:
    """But for the other of two ways that exclude each other."""
    text = "\n".join(line for line in uncommented().splitlines() if not line.startswith(other_way))
    settings = load(text, tmp_path)
    assert settings.pbx
    assert settings.mailbox
    assert settings.crm
    assert settings.manager


@pytest.mark.parametrize(("header", "name", "field"), list(every_field()), ids=lambda value: str(value)[:20])
def test_the_template_mentions_every_setting_with_its_default(
    header: str, name: str, field: msgspec.structs.FieldInfo
) -> None:
    section = sections(template()).get(header, "")
    match = re.search(rf"(?m)^#?{name} = (.+)$", section)
    assert match, f"{header} {name} is missing in gateway/config/template.toml"
    default = default_of(field)
    if default not in (msgspec.NODEFAULT, None, False) and not (header.startswith("[[") and default in ((), [], "")):
        shown = tomllib.loads(f"x = {match.group(1)}")["x"]
        assert shown == (list(default) if isinstance(default, tuple) else default), f"{header} {name}"


@pytest.mark.parametrize(("header", "name", "field"), list(every_field()), ids=lambda value: str(value)[:20])
def test_the_documentation_explains_every_setting_with_its_default(
    header: str, name: str, field: msgspec.structs.FieldInfo
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    heading = re.search(rf"(?m)^## `{re.escape(header)}`", text)
    assert heading, f"docs/configuration.md has no heading for {header}"
    section = text[heading.end() :].split("\n## ")[0]
    row = re.search(rf"(?m)^\| `{name}` \| (.*?) \| (.+) \|$", section)
    assert row, f"docs/configuration.md does not explain {header} {name}"
    default = default_of(field)
    if default is msgspec.NODEFAULT:
        assert row.group(1) == "required"
    elif default is not None:
        value = list(default) if isinstance(default, tuple) else default
        assert row.group(1) == f"`{msgspec.json.encode(value).decode()}`"
    assert len(row.group(2)) > 10


def test_the_documentation_names_no_setting_that_does_not_exist() -> None:
    known = {(header, name) for header, name, _ in every_field()}
    for part in DOCS.read_text(encoding="utf-8").split("\n## ")[1:]:
        header = re.match(r"`(\[\[?[\w.]+\]\]?)`", part)
        if header is not None:
            documented = {(header.group(1), name) for name in re.findall(r"(?m)^\| `(\w+)` \|", part)}
            assert documented <= known
