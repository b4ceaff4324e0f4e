"""Where tokens that change are kept over restarts: in a file that only we may read, never in the database or a log."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Vault(Protocol):
    """A small secret document of one adapter."""

    async def load(self) -> Mapping[str, str]:
        """What was saved last; empty before the first time."""
        ...

    async def save(self, secret: Mapping[str, str]) -> None:
        """Returns when it is durable: a refresh token that is spent and not kept locks us out."""
        ...


class MemoryVault:
    """Implements ``Vault`` until the program ends."""

    def __init__(self) -> None:
        self._secret: dict[str, str] = {}

    async def load(self) -> Mapping[str, str]:
        """What was saved."""
        return dict(self._secret)

    async def save(self, secret: Mapping[str, str]) -> None:
        """Keep it."""
        self._secret = dict(secret)


class FileVault:
    """Implements ``Vault`` with one file, written beside and renamed so that it is always whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> Mapping[str, str]:
        """What the file holds; empty without a file. Raises OSError, ValueError where it can't be read."""
        return await asyncio.to_thread(self._load)

    async def save(self, secret: Mapping[str, str]) -> None:
        """Write and sync the file. Raises OSError."""
        await asyncio.to_thread(self._save, json.dumps(dict(secret)).encode())

    def _load(self) -> Mapping[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        if not isinstance(found, dict):
            raise ValueError(f"{self._path} holds no tokens; remove it, and configure fresh ones")  # noqa: TRY004
        return {str(key): str(value) for key, value in found.items()}

    def _save(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
