"""Which settings are secret, how they are read from files of their own, and what the log must never show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

MAX_SECRET_BYTES = 65_536
"""A secret file holds a password, a token or at most a key chain."""

FILE_SUFFIX = "_file"

_SECRET_NAME = re.compile(r"(?:^|_)(?:secret|password|passphrase|token|api_?key|dsn)$")
_RANDOM_PART = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w\-.~]{10,}")
"""A part of a URL's path that nobody typed: the token of an incoming webhook."""


def is_secret(name: str) -> bool:
    """True for keys whose value must never be shown: ``secret``, ``agi_secret``, ``password``, ``api_key``."""
    return _SECRET_NAME.search(name) is not None


def may_come_from_file(name: str) -> bool:
    """True for keys that also exist as ``NAME_file``. A URL may carry a password or be a capability itself."""
    return is_secret(name) or name in ("url", "webhook_url")


def read_secret(file: FilePath) -> str:
    """The text of a secret file without its last line end. Raises ValueError with a sentence that names the file."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"the file {file} can't be read: {error.strerror}.") from None
    except ValueError:  # a NUL in the name
        raise ValueError("no file can have this name: it holds a control character.") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"the file {file} is larger than 64 KiB, so it holds no secret.")
    try:
        secret = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"the file {file} is not UTF-8 text.") from None
    if not secret:
        raise ValueError(f"the file {file} is empty. Put the secret into its first line.")
    return secret


def secret_values(settings: Any, name: str = "") -> Iterator[str]:
    """Every text below ``settings`` that the log must not show. May repeat."""
    match settings:
        case msgspec.Struct():
            for field in settings.__struct_fields__:
                yield from secret_values(getattr(settings, field), field)
        case str() if settings and is_secret(name):
            yield settings
        case str():
            yield from _secrets_of_url(settings)
        case Mapping():
            for key, value in settings.items():
                yield from secret_values(value, str(key))
        case list() | tuple() | set() | frozenset():
            for value in settings:
                yield from secret_values(value, name)


def _secrets_of_url(text: str) -> Iterator[str]:
    """The password, query values and random path parts of a URL; nothing for other texts."""
    if "://" not in text:
        return
    try:
        url = urlsplit(text)
    except ValueError:
        return
    if url.password:
        yield from {url.password, unquote(url.password)}
    yield from (value for pair in url.query.split("&") if len(value := pair.partition("=")[2]) >= 8)
    yield from _RANDOM_PART.findall(url.path)
