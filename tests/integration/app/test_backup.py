"""A copy taken while the gateway works, unpacked elsewhere; copies that can't be trusted are refused."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from gateway.app.backup import DATABASE, MANIFEST, BackupFailed, make, restore
from gateway.storage.store import Store
from gateway.storage.tables import Change
from tests.support.clock import MONDAY


def loose_files(data: Path) -> None:
    """What lies beside the database."""
    for name, content in {
        "spool/1.item": b"waits",
        "files/ab/cd": b"a file",
        "forms.key": b"k",
        "erasure.key": b"e",
        "accounts.key": b"a",
    }.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    (data / "spool" / ".tmp-2").write_bytes(b"half")


async def test_a_copy_taken_under_writes_is_whole_and_can_be_restored(store: Store, tmp_path: Path) -> None:
    loose_files(tmp_path)
    row = {"kind": "lead.created", "object_id": "x", "at": MONDAY}
    stop = asyncio.Event()

    async def busy() -> int:
        written = 0
        while not stop.is_set():
            await store.write(lambda c: c.execute(insert(Change), row))
            written += 1
        return written

    writing = asyncio.create_task(busy())
    while await store.read(lambda c: c.execute(select(func.count()).select_from(Change)).scalar_one()) < 20:
        await asyncio.sleep(0)
    told = await asyncio.to_thread(make, tmp_path, tmp_path / DATABASE, tmp_path / "copy.tar", MONDAY)
    stop.set()
    written = await writing
    assert told.files == 6
    assert (tmp_path / "copy.tar").stat().st_mode & 0o077 == 0
    back = restore(tmp_path / "copy.tar", tmp_path / "new")
    assert back.schema == told.schema
    with sqlite3.connect(tmp_path / "new" / DATABASE) as connection:
        (count,) = connection.execute("SELECT count(*) FROM change").fetchone()
    assert 20 <= count <= written
    assert (tmp_path / "new" / "spool" / "1.item").read_bytes() == b"waits"
    assert (tmp_path / "new" / "files" / "ab" / "cd").read_bytes() == b"a file"
    assert not (tmp_path / "new" / "spool" / ".tmp-2").exists()
    assert (tmp_path / "new" / "accounts.key").read_bytes() == b"a"
    assert (tmp_path / "new" / "forms.key").stat().st_mode & 0o077 == 0


@pytest.fixture
def copy(tmp_path: Path, migrated_folder: Path) -> Path:
    loose_files(tmp_path)
    make(tmp_path, migrated_folder / DATABASE, tmp_path / "copy.tar", MONDAY)
    return tmp_path / "copy.tar"


def test_no_copy_is_written_over(copy: Path, migrated_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="is there already"):
        make(tmp_path, migrated_folder / DATABASE, copy, MONDAY)


def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(BackupFailed, match="could not be written"):
        make(tmp_path, tmp_path / "broken.db", tmp_path / "copy.tar", MONDAY)
    assert [file.name for file in tmp_path.iterdir()] == ["broken.db"]


def test_nothing_is_restored_over_a_database(copy: Path, tmp_path: Path) -> None:
    restore(copy, tmp_path / "new")
    with pytest.raises(BackupFailed, match="holds a database already"):
        restore(copy, tmp_path / "new")


def tampered(copy: Path, change: str) -> None:
    """Write the copy anew with one thing wrong."""
    with tarfile.open(copy) as archive:
        entries = {entry.name: opened.read() for entry in archive if (opened := archive.extractfile(entry)) is not None}
    links: list[tarfile.TarInfo] = []
    if change == "content":
        entries["files/ab/cd"] = b"another file"
    elif change == "missing":
        del entries[DATABASE]
    elif change == "no manifest":
        del entries[MANIFEST]
    elif change == "outside":
        entries["../../evil"] = b"x"
    elif change == "link":
        link = tarfile.TarInfo("files/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        links.append(link)
    with tarfile.open(copy, "w") as archive:
        for link in links:
            archive.addfile(link)
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize("change", ["content", "missing", "no manifest", "outside", "link"])
def test_a_copy_that_was_changed_is_refused_and_nothing_is_left(copy: Path, tmp_path: Path, change: str) -> None:
    tampered(copy, change)
    with pytest.raises(BackupFailed):
        restore(copy, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path.parent / "evil").exists()


def test_what_is_no_copy_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Ivan")
    with pytest.raises(BackupFailed, match="no copy"):
        restore(tmp_path / "letter.txt", tmp_path / "new")
