"""A power cut without a disk: what a process does to its files is recorded, and a folder is made as a cut may leave it.

The method of ALICE (Pillai et al., OSDI 2014) and CrashMonkey: what was synced is there; of what was not, each sector
of 512 bytes has any of the contents that it had since the last sync, a file any of its lengths, and of the names in a
folder any prefix of the changes since the folder's last sync. A drive that lies about a flush is not in this model.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = (
    "openat,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,copy_file_range,fsync,fdatasync,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
)
"""What is recorded: all that changes a file or a folder, and the two that make it last. At those that the gateway does
not use today, `Disk.apply` stops."""

_LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<at>\d+\.\d+) (?P<rest>.*)$", re.DOTALL)
_CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+)", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(?P<rest>.*)$", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"^\d+<(?P<path>[^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call that succeeded."""

    began: float
    """Seconds since 1970, as the other two."""
    ended: float
    name: str
    arguments: str
    result: int

    @property
    def path(self) -> str:
        """Of the descriptor that it is about."""
        found = _DESCRIPTOR.match(self.arguments)
        if found is None:
            raise ValueError(f"{self.name} without a descriptor: {self.arguments[:200]}")
        return _plain(found["path"])

    @property
    def texts(self) -> list[bytes]:
        """Its strings: names, or the content."""
        found = _TEXT.findall(self.arguments)
        if any(cut for _, cut in found):
            raise ValueError(f"{self.name}: the record is cut short; strace needs a longer -s")
        return [bytes.fromhex(text.replace("\\x", "")) for text, _ in found]

    @property
    def number(self) -> int:
        """Its last argument."""
        return int(self.arguments.rpartition(", ")[2])


def _plain(path: str) -> str:
    text = bytes.fromhex(path.replace("\\x", "")).decode() if path.startswith("\\x") else path
    return text.removesuffix(" (deleted)")


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The record of ``strace -f -y -xx -ttt`` in the order in which the calls ended; refused ones are left out."""
    begun: dict[str, tuple[float, str]] = {}
    for line in lines:
        found = _LINE.match(line.rstrip("\n"))
        if found is None:
            continue
        pid, at, rest = found["pid"], float(found["at"]), found["rest"]
        if rest.endswith(_UNFINISHED):
            begun[pid] = (at, rest.removesuffix(_UNFINISHED))
            continue
        began = at
        if (resumed := _RESUMED.match(rest)) is not None:
            if pid not in begun:
                continue
            began, first = begun.pop(pid)
            rest = first + resumed["rest"]
        call = _CALL.match(rest)
        if call is not None and int(call["result"]) >= 0:
            yield Call(
                began=began, ended=at, name=call["name"], arguments=call["arguments"], result=int(call["result"])
            )


Change = tuple[int, bytes] | int
"""(offset, bytes) written, or a new length."""


def _applied(content: bytes, change: Change) -> bytes:
    if isinstance(change, int):
        return content[:change].ljust(change, b"\0")
    offset, data = change
    return content[:offset].ljust(offset, b"\0") + data + content[offset + len(data) :]


@dataclass(slots=True)
class _File:
    """A file: what of it is on the disk, and what was done since."""

    content: bytes = b""
    changes: list[tuple[float, Change]] = field(default_factory=list)
    """When each was over, and what it was; in their order."""
    length: int = 0

    @staticmethod
    def of(path: Path) -> _File:
        content = path.read_bytes()
        return _File(content, length=len(content))

    def add(self, change: Change, ended: float) -> None:
        self.changes.append((ended, change))
        self.length = change if isinstance(change, int) else max(self.length, change[0] + len(change[1]))

    def sync(self, began: float) -> None:
        """What was over before the sync began is on the disk when it ends."""
        while self.changes and self.changes[0][0] <= began:
            self.content = _applied(self.content, self.changes.pop(0)[1])

    def after_a_cut(self, choice: Choice) -> bytes:
        """One of the contents that a cut may leave."""
        versions = [self.content]
        for _, change in self.changes:
            versions.append(_applied(versions[-1], change))
        numbers = range(len(versions))
        if len(numbers) == 1:
            return self.content
        length = len(versions[choice.of(numbers)])
        sectors = (
            versions[choice.of(numbers)][start : start + SECTOR].ljust(SECTOR, b"\0")
            for start in range(0, length, SECTOR)
        )
        return b"".join(sectors)[:length]


class Choice:
    """How unkind a cut is: it keeps ``everything``, ``nothing`` that was not synced, or anything (``random``)."""

    KINDS = ("random", "nothing", "everything")

    def __init__(self, kind: str, chance: random.Random) -> None:
        self._kind = kind
        self._chance = chance

    def of(self, counts: range) -> int:
        """How many of the changes are there."""
        if self._kind == "nothing":
            return counts[0]
        return counts[-1] if self._kind == "everything" else self._chance.choice(counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Naming:
    """A change of the names in ``folder``: ``old`` goes, ``new`` comes and is ``file``, or a folder."""

    folder: str
    ended: float
    old: str | None = None
    new: str | None = None
    file: _File | None = None


class Disk:
    """What a machine's disk has of one folder. Files under ``ignored`` suffixes are made anew at each start."""

    def __init__(self, before: Path, root: Path, *, ignored: tuple[str, ...] = ("-shm",)) -> None:
        """``before``: a copy of ``root`` of when the record began; all of that is on the disk."""
        self._root = str(root)
        self._ignored = ignored
        paths = {str(root / path.relative_to(before)): path for path in (before, *before.rglob("*"))}
        self._folders = {name for name, path in paths.items() if path.is_dir()}
        self._files = {name: _File.of(path) for name, path in paths.items() if path.is_file() and self._is_ours(name)}
        self._now_folders = set(self._folders)
        self._now_files = dict(self._files)
        self._names: dict[str, list[_Naming]] = defaultdict(list)
        """Folder -> what is not on the disk yet."""

    def _is_ours(self, path: str) -> bool:
        return (path == self._root or path.startswith(self._root + "/")) and not path.endswith(self._ignored)

    def apply(self, call: Call) -> None:
        """One call more. Raises ValueError for one that this model does not know."""
        if call.name in ("fsync", "fdatasync"):
            self._sync(call.path, call.began)
        elif call.name in _OF_NAMES:
            names = [text.decode() for text in call.texts]
            if self._is_ours(names[0]):
                _OF_NAMES[call.name](self, call, *names)
        elif self._is_ours(path := call.path) and path in self._now_files:  # else it has no name any more
            self._write(call, self._now_files[path])

    def _open(self, call: Call, path: str) -> None:
        if "O_CREAT" in call.arguments and path not in self._now_files:
            self._now_files[path] = _File()
            self._name(_Naming(folder=_folder(path), new=path, file=self._now_files[path], ended=call.ended))
        elif "O_TRUNC" in call.arguments:
            self._now_files[path].add(0, call.ended)

    def _rename(self, call: Call, old: str, new: str) -> None:
        if _folder(old) != _folder(new):
            raise ValueError(f"a file moves from folder to folder: {old} to {new}")
        self._now_files[new] = file = self._now_files.pop(old)
        self._name(_Naming(folder=_folder(old), old=old, new=new, file=file, ended=call.ended))

    def _unlink(self, call: Call, path: str) -> None:
        self._now_files.pop(path, None)
        self._name(_Naming(folder=_folder(path), old=path, ended=call.ended))

    def _mkdir(self, call: Call, path: str) -> None:
        self._now_folders.add(path)
        self._name(_Naming(folder=_folder(path), new=path, ended=call.ended))

    def _name(self, change: _Naming) -> None:
        self._names[change.folder].append(change)

    def _write(self, call: Call, file: _File) -> None:
        if call.name == "pwrite64":
            file.add((call.number, call.texts[0][: call.result]), call.ended)
        elif call.name == "write":  # whoever writes so here writes from the beginning to the end
            file.add((file.length, call.texts[0][: call.result]), call.ended)
        elif call.name == "ftruncate":
            file.add(call.number, call.ended)
        else:
            raise ValueError(f"the model does not know {call.name}")

    def _sync(self, path: str, began: float) -> None:
        if path in self._now_files:
            self._now_files[path].sync(began)
        waiting = self._names.get(path, [])
        while waiting and waiting[0].ended <= began:
            self._put(waiting.pop(0), self._files, self._folders)

    @staticmethod
    def _put(change: _Naming, files: dict[str, _File], folders: set[str]) -> None:
        if change.old is not None:
            files.pop(change.old, None)
        if change.file is not None and change.new is not None:
            files[change.new] = change.file
        elif change.new is not None:
            folders.add(change.new)

    def cut(self, choice: Choice, target: Path) -> None:
        """Make the folder anew in ``target``, as it may be after a cut at this moment."""
        files, folders = dict(self._files), set(self._folders)
        for changes in self._names.values():
            for change in changes[: choice.of(range(len(changes) + 1))]:
                self._put(change, files, folders)
        for path, file in files.items():
            place = target / Path(path).relative_to(self._root)
            if _folder(path) not in folders:
                continue  # the folder itself is gone
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.after_a_cut(choice))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


_OF_NAMES: dict[str, Callable[..., None]] = {
    "openat": Disk._open,
    "rename": Disk._rename,
    "unlink": Disk._unlink,
    "mkdir": Disk._mkdir,
}
