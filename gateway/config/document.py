"""The configuration as one tree of plain values, each with the place it came from: a line of the file or a variable.

The file is read here; environment variables are laid over it by environment.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from gateway.config.locate import Path, locate
from gateway.core.errors import ConfigError

MAX_BYTES = 1 << 20
"""A configuration is some kilobytes. A bigger file is the wrong file, and would only cost time."""

_TOML_LINE = re.compile(r"\s*\((?:at line (\d+), column \d+|at end of document)\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was configured, before anyone judged it. Environment values are laid over ``data`` in place."""

    file: FilePath | None
    """None: no file, the embedded default."""
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    """Where each path stands in the file."""
    variables: dict[Path, str] = field(default_factory=dict)
    """The environment variable that set a path (and everything below it)."""

    def place(self, path: Path) -> str:
        """Where a person must look to change ``path``: ``leadgate.toml:12`` or the variable's name."""
        origin = self._origin(path)
        if isinstance(origin, int):
            return f"{self.file}:{origin}"
        return origin or str(self.file or "configuration")

    def order(self, path: Path) -> tuple[int, str]:
        """Sorts problems as a person reads: by line, then the environment's by name."""
        origin = self._origin(path)
        return (origin, "") if isinstance(origin, int) else (MAX_BYTES, origin)

    def _origin(self, path: Path) -> int | str:
        """The line or variable that set ``path``, else its table, else (for what is missing) a variable beside it."""
        for length in range(len(path), 0, -1):
            around = path[:length]
            if around in self.variables:
                return self.variables[around]
            if around in self.lines:
                return self.lines[around]
            below = next((variable for known, variable in self.variables.items() if known[:length] == around), None)
            if below is not None:
                return below
        return ""


def dotted(path: Sequence[str | int]) -> str:
    """``("pbx", 0, "port")`` -> ``pbx.0.port``, as the environment counts too (``LEADGATE_PBX__0__PORT``)."""
    return ".".join(str(part) for part in path)


def read(file: FilePath | None) -> Document:
    """The file as a Document. Raises ConfigError naming the file, and for broken TOML the line."""
    if file is None:
        return Document(file=None)
    text = _text(file)
    try:
        data = tomllib.loads(text)
        return Document(file=file, data=data, lines=locate(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_broken(file, text, str(error))) from None
    except RecursionError:
        raise ConfigError(f"{file}: lists are nested too deep to be a configuration.") from None


def _text(file: FilePath) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file. 'leadgate init --config {file}' writes one.") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}.") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{file}: is larger than 1 MiB, so it is no Leadgate configuration.")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: is not UTF-8 text. Save the file as UTF-8.") from None


def _broken(file: FilePath, text: str, said: str) -> str:
    """The sentence for a syntax error; a text that ended too early is shown at its last line."""
    match = _TOML_LINE.search(said)
    line = match.group(1) if match and match.group(1) else str(text.rstrip("\n").count("\n") + 1)
    reason = _TOML_LINE.sub("", said)
    return f"{file}:{line}: is not valid TOML: {reason[:1].lower()}{reason[1:]}.{_hint(text, int(line))}"


def _hint(text: str, line: int) -> str:
    """The slip that most often causes a syntax error: a text without quotes."""
    written = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    key, equals, value = written.partition("=")
    if equals and re.match(r"\s*[^\W\d_]", value) and value.split("#")[0].strip() not in ("true", "false"):
        return f' Texts stand in quotes: {key.strip()} = "{value.split("#")[0].strip()}"'
    return ""
