"""One file with everything that can't be made again: the database, the files, the spool and the keys.

Taken while the gateway runs: SQLite gives a copy of one moment (``VACUUM INTO``, sqlite.org/lang_vacuum.html). The
spool is read first, so what moves from it into the database meanwhile is in the copy twice rather than never, and the
gateway that starts on it drops the second one by its key.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from gateway import __version__
from gateway.app.forms import FILES_FOLDER
from gateway.core.errors import LeadgateError
from gateway.storage.migrations import head

MANIFEST = "manifest.json"
DATABASE = "leadgate.db"
FOLDERS = ("spool", FILES_FOLDER)
KEYS = ("forms.key", "erasure.key", "accounts.key")
FORMAT = 1


class BackupFailed(LeadgateError):
    """A copy that could not be made, or can't be used; the text names the way out."""

    code = "backup_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a copy."""

    version: str
    schema: str
    made_at: str
    files: int
    size: int
    """Bytes, unpacked."""


def make(data: Path, database: Path, target: Path, now: datetime) -> Contents:
    """Write ``target`` (a tar file), whole or not at all. Raises BackupFailed."""
    if target.exists():
        raise BackupFailed(f"{target} is there already: a copy is never written over. Choose another name.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".leadgate-backup-") as folder:
            contents = _write(data, database, Path(folder) / DATABASE, unfinished, now)
        unfinished.replace(target)
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        unfinished.unlink(missing_ok=True)
        raise BackupFailed(f"the copy {target} could not be written: {error}. Nothing was changed.") from None
    return contents


def _write(data: Path, database: Path, copy: Path, target: Path, now: datetime) -> Contents:
    hashes: dict[str, str] = {}
    size = 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        with tarfile.open(fileobj=opened, mode="w") as archive:
            for name, content in _loose_files(data):
                hashes[name] = _add(archive, name, content, now)
                size += len(content)
            _copy_database(database, copy)
            hashes[DATABASE] = _sha256(copy)
            archive.add(copy, arcname=DATABASE)
            size += copy.stat().st_size
            told = {"format": FORMAT, "version": __version__, "schema": head(), "made_at": now.isoformat()}
            _add(archive, MANIFEST, json.dumps({**told, "sha256": hashes}, indent=1).encode(), now)
        opened.flush()
        os.fsync(opened.fileno())
    return Contents(version=__version__, schema=head(), made_at=now.isoformat(), files=len(hashes), size=size)


def _loose_files(data: Path) -> Iterator[tuple[str, bytes]]:
    """Name in the copy, content. A file of the spool that goes away meanwhile is in the database."""
    for folder in FOLDERS:
        for file in sorted((data / folder).rglob("*")) if (data / folder).is_dir() else ():
            if file.is_file() and not file.name.startswith("."):
                try:
                    yield file.relative_to(data).as_posix(), file.read_bytes()
                except FileNotFoundError:
                    continue
    for key in KEYS:
        if (data / key).is_file():
            yield key, (data / key).read_bytes()


def _copy_database(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise BackupFailed(f"the copy of the database is damaged: {found}. Look at the disk; keep older copies.")


def _add(archive: tarfile.TarFile, name: str, content: bytes, now: datetime) -> str:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
    archive.addfile(entry, io.BytesIO(content))
    return hashlib.sha256(content).hexdigest()


def restore(source: Path, data: Path) -> Contents:
    """Unpack a copy into ``data``, which must hold no database. Raises BackupFailed; then nothing is left in ``data``.

    Every file is compared with the hash in the copy before anything is put in its place.
    """
    if (data / DATABASE).exists():
        raise BackupFailed(f"{data} holds a database already. Restore into an empty folder, or move this one away.")
    data.mkdir(parents=True, exist_ok=True, mode=0o750)
    with tempfile.TemporaryDirectory(dir=data, prefix=".restoring-") as folder:
        unpacked = Path(folder)
        told = _unpack(source, unpacked)
        names = sorted(told["sha256"], key=lambda name: name == DATABASE)  # the database last: with it all is there
        size = sum((unpacked / name).stat().st_size for name in names)
        for name in names:
            (data / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (unpacked / name).replace(data / name)
    return Contents(
        version=told["version"], schema=told["schema"], made_at=told["made_at"], files=len(names), size=size
    )


def _unpack(source: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source) as archive:
            for entry in archive:
                _extract(archive, entry, folder)
        told: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        hashes = dict(told["sha256"])
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise BackupFailed(f"{source} is no copy that leadgate backup made: {error}.") from None
    if told.get("format") != FORMAT:
        raise BackupFailed(f"{source} was made by another Leadgate ({told.get('version')}): restore it with that one.")
    for name, expected in hashes.items():
        if not _is_inside(name) or not (folder / name).is_file():
            raise BackupFailed(f"{source} is not whole: {name} is missing. Use another copy.")
        if _sha256(folder / name) != expected:
            raise BackupFailed(f"{source} is damaged: {name} is not what was written. Use another copy.")
    return told


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    """Plain files only, never outside of ``folder``. Not every Python 3.11 has the filters of PEP 706."""
    content = archive.extractfile(entry) if entry.isreg() and _is_inside(entry.name) else None
    if content is None:
        raise ValueError(f"{entry.name!r} is no plain file of a copy")
    target = folder / entry.name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        shutil.copyfileobj(content, opened)
        opened.flush()
        os.fsync(opened.fileno())


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
