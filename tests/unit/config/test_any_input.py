"""Whatever stands in the file or the environment: settings or a ConfigError of whole sentences, never anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Settings
from gateway.config.settings import Tables
from gateway.core.errors import ConfigError

TABLES = [*Tables.__struct_fields__, "bogus"]
KEYS = [
    "name",
    "key",
    "host",
    "username",
    "secret",
    "secret_file",
    "url",
    "url_file",
    "port",
    "listen",
    "adapter",
    "options",
    "exception",
    "region",
    "days",
    "tls",
    "events",
    "allow_private",
    "since",
    "bogus",
]
SCALARS = st.one_of(
    st.sampled_from(["", "x", "webhook", "127.0.0.1:80", "\x00\x1b", "[", "{}", "[[]]", "null", "é" * 70]),
    st.integers(-1, 70_000),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
    max_leaves=8,
)


def toml(value: Any) -> str:
    """A value as inline TOML; JSON's strings and numbers are TOML's too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(TABLES), VALUES, max_size=4))
def test_any_file_gives_settings_or_sentences_with_lines(tmp_path: Path, data: dict[str, Any]) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
    try:
        Settings.load(file, {})
    except ConfigError as error:
        for line in str(error).splitlines():
            assert line.startswith(f"{file}:"), line
            assert line.endswith((".", "?", "!", '"')), line


NAMES = st.builds(
    lambda table, parts: "LEADGATE_" + "__".join([table, *parts]).upper(),
    st.sampled_from(TABLES),
    st.lists(st.sampled_from([*KEYS, "0", "1", "99999", "²", ""]), max_size=3),
)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(NAMES, st.one_of(SCALARS.map(str), VALUES.map(json.dumps)), max_size=4))
def test_any_environment_gives_settings_or_sentences_with_variables(environ: dict[str, str]) -> None:
    try:
        Settings.load(None, environ)
    except ConfigError as error:
        for line in str(error).splitlines():
            assert line.startswith("LEADGATE_"), line


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "leadgate.toml"
    file.write_bytes(raw)
    with suppress(ConfigError):
        Settings.load(file, {})


def test_settings_can_not_be_changed() -> None:
    loaded = Settings.load(None, {})
    with pytest.raises(AttributeError):
        loaded.log = msgspec.UNSET  # type: ignore[misc, assignment]
