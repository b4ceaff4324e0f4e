"""Files by their hash: taken out of the raw report once, again when the folder lost them, and swept when orphaned."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select

from gateway.capture.filefolder import FileFolder
from gateway.capture.files import ORPHANED, FileKeeper
from gateway.capture.journal import prepare, store_all
from gateway.core.filetypes import FileContent
from gateway.core.placement import Placement
from gateway.core.types import Attachment, Channel, Json
from gateway.storage.store import Store
from gateway.storage.tables import Interaction, StoredFile
from tests.support.clock import MONDAY, FakeClock, counting_ids
from tests.support.items import form
from tests.support.patience import PATIENCE

PDF = b"%PDF-1.7 plan"


def opener(raw: bytes, meta: Mapping[str, Json]) -> Sequence[FileContent]:
    """``name=content;name=content`` as a report."""
    assert meta["content_type"] == "test"
    pairs = [part.split(b"=", 1) for part in raw.split(b";") if b"=" in part]
    return [FileContent(name.decode(), len(content), content) for name, content in pairs]


def keeper(store: Store, folder: Path) -> FileKeeper:
    return FileKeeper(store=store, folder=FileFolder(folder), clock=FakeClock(), openers={"form": opener})


async def arrive(store: Store, kept: FileKeeper, raw: bytes, *listed: str, key: str = "1") -> str:
    """A submission with files, stored and placed; the interaction's id."""
    contents = {one.name: one for one in opener(raw, {"content_type": "test"})}
    files = tuple(
        Attachment(name=name, content_type="application/pdf", size=contents[name].size if name in contents else 1)
        for name in listed
    )
    item = form(key, phone="89261234567", attachments=files)
    item = replace(item, raw=raw, meta={"content_type": "test"})
    entry = prepare(item, MONDAY, counting_ids(f"i{key}"), None)

    def unit(connection: Connection) -> str:
        [receipt] = store_all(connection, [entry])
        assert item.draft is not None
        for _ in range(2):  # a replay places it again
            kept.follow(connection, placement(receipt.interaction_id, item.draft))
        return receipt.interaction_id

    return await store.write(unit)


def placement(interaction_id: str, draft: object, connector: str = "form") -> Placement:
    return Placement(
        interaction_id=interaction_id, connector=connector, channel=Channel.FORM, draft=draft, contact_id=None,  # type: ignore[arg-type]
        lead_id=None, lead_opened=False, after_hours=None, is_history=False, at=MONDAY, new_id=counting_ids(),
        keep_until=None,
    )  # fmt: skip


async def hashes(store: Store) -> list[str | None]:
    return await store.read(lambda c: list(c.execute(select(StoredFile.sha256).order_by(StoredFile.id)).scalars()))


async def test_files_are_taken_out_once_and_equal_ones_are_one_file(any_store: Store, tmp_path: Path) -> None:
    kept = keeper(any_store, tmp_path / "files")
    one = await arrive(any_store, kept, b"a.pdf=" + PDF + b";b.exe=MZ;", "a.pdf", "b.exe")
    two = await arrive(any_store, kept, b"other.pdf=" + PDF, "other.pdf", key="2")
    assert await hashes(any_store) == [None, None, None]
    assert (await kept.work_off(), await kept.work_off()) == (3, 0)
    digest = hashlib.sha256(PDF).hexdigest()
    found = await hashes(any_store)
    assert (found[0], found[2], len(set(found))) == (digest, digest, 2)
    on_disk = sorted(str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").glob("*/*"))
    assert len(on_disk) == 2
    assert f"{digest[:2]}/{digest[2:]}" in on_disk
    for interaction_id, number, content in ((one, 1, PDF), (one, 2, b"MZ"), (two, 1, PDF)):
        handed = await kept.fetch(interaction_id, number)
        assert handed is not None
        assert handed.content == content
    assert await kept.fetch(one, 3) is None
    assert await kept.fetch("nobody", 1) is None


async def test_danger_is_told_by_name_and_by_content(store: Store, tmp_path: Path) -> None:
    kept = keeper(store, tmp_path / "files")
    one = await arrive(
        store, kept, b"photo.jpg=MZ\x90;page.html=hello;plan.pdf=%PDF", "photo.jpg", "page.html", "plan.pdf"
    )
    await kept.work_off()
    handed = [await kept.fetch(one, number) for number in (1, 2, 3)]
    assert [file.danger if file else "?" for file in handed] == [
        "is a Windows program", "may run a program when it is opened", None,
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["gone", "changed", "never taken out"])
async def test_a_file_that_the_folder_lost_is_taken_out_of_the_report_again(
    store: Store, tmp_path: Path, damage: str
) -> None:
    kept = keeper(store, tmp_path / "files")
    one = await arrive(store, kept, b"a.pdf=" + PDF, "a.pdf")
    path = kept.folder.path(hashlib.sha256(PDF).hexdigest())
    if damage != "never taken out":
        await kept.work_off()
    if damage == "gone":
        path.unlink()
    elif damage == "changed":
        path.write_bytes(b"other")
    handed = await kept.fetch(one, 1)
    assert handed is not None
    assert handed.content == PDF
    assert path.read_bytes() == PDF


async def test_a_file_that_the_report_does_not_have_is_told_and_not_asked_for_again(
    store: Store, tmp_path: Path
) -> None:
    kept = keeper(store, tmp_path / "files")
    one = await arrive(store, kept, b"a.pdf=" + PDF, "missing.pdf")
    assert (await kept.work_off(), await kept.work_off()) == (1, 0)
    assert await kept.fetch(one, 1) is None


async def test_two_files_of_one_name_keep_their_places(store: Store, tmp_path: Path) -> None:
    kept = keeper(store, tmp_path / "files")
    one = await arrive(store, kept, b"a.png=1;a.png=2", "a.png", "a.png")
    handed = [await kept.fetch(one, number) for number in (1, 2)]
    assert [file.content if file else b"" for file in handed] == [b"1", b"2"]


async def test_files_of_other_connectors_are_left_alone(store: Store, tmp_path: Path) -> None:
    kept = keeper(store, tmp_path / "files")
    item = form("1", attachments=(Attachment(name="a", content_type="x/y", size=1),))
    assert item.draft is not None
    draft = item.draft
    assert await store.write(lambda c: list(kept.follow(c, placement("i", draft, connector="smtp")))) == []
    assert await hashes(store) == []


async def test_orphans_are_swept_and_what_is_named_or_young_stays(store: Store, tmp_path: Path) -> None:
    kept = keeper(store, tmp_path / "files")
    one = await arrive(store, kept, b"a.pdf=" + PDF, "a.pdf")
    two = await arrive(store, kept, b"b.pdf=second", "b.pdf", key="2")
    await kept.work_off()
    orphan = kept.folder.put(b"young")
    old = (MONDAY - ORPHANED).timestamp() - 60
    for name in (PDF, b"second"):
        os.utime(kept.folder.path(hashlib.sha256(name).hexdigest()), (old, old))
    half = kept.folder.path(hashlib.sha256(PDF).hexdigest()).parent / "tmpx.part"
    half.write_bytes(b"half")
    os.utime(half, (old, old))
    young = (MONDAY).timestamp()
    os.utime(kept.folder.path(orphan), (young, young))
    await store.write(lambda c: c.execute(delete(Interaction).where(Interaction.id == two)).rowcount)
    assert await kept.sweep() == 1
    assert await kept.fetch(one, 1) is not None
    assert kept.folder.read(orphan) == b"young"
    assert (kept.folder.read(hashlib.sha256(b"second").hexdigest()), half.exists()) == (None, False)


async def test_the_worker_goes_on_after_a_restart(store: Store, tmp_path: Path) -> None:
    await arrive(store, keeper(store, tmp_path / "files"), b"a.pdf=" + PDF, "a.pdf")
    again = keeper(store, tmp_path / "files")
    await again.start()
    async with asyncio.timeout(PATIENCE):
        while None in await hashes(store):
            await asyncio.sleep(0.01)
    await again.stop()
    assert again.folder.read(hashlib.sha256(PDF).hexdigest()) == PDF


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = FileFolder(tmp_path / "files")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            folder.put(b"x")
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert folder.read(folder.put(b"x")) == b"x"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "AB" * 32, "ab" * 31])
def test_only_a_hash_is_a_name_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        FileFolder(tmp_path).path(name)
