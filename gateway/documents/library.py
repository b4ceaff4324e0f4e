"""Which templates there are: the company's own files, and before all those that Leadgate brings along."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from gateway.core.errors import NotPossible
from gateway.documents.template import BadTemplate, Template, parse_template

_FILE = re.compile(r"([a-z][a-z0-9_-]{0,39})\.([a-z]{2})\.html")
_PART = re.compile(r"[a-z_][a-z0-9_-]{0,39}\.html")
_ASSET = re.compile(r"[A-Za-z0-9_-]{1,60}\.(png|jpg|jpeg|svg|css|ttf|otf|woff2)")
MAX_BYTES = 1 << 20
MAX_ASSET = 5 << 20
BASE = "base.html"
"""What the templates brought along are built on; own ones may be too: ``{% extends "base.html" %}``."""


class Library:
    """Templates are read when they are asked for: a change of a file counts at once."""

    def __init__(self, folder: Path) -> None:
        """``folder``: of the company's own; it need not exist."""
        self.folder = folder

    def templates(self) -> tuple[list[Template], list[str]]:
        """All of them by name and language, and a sentence for each that can't be used."""
        found: dict[tuple[str, str], Template] = {}
        problems = []
        for name, language in self._names():
            try:
                found[name, language] = self.get(name, language)
            except BadTemplate as error:
                problems.append(str(error))
        return [found[key] for key in sorted(found)], problems

    def get(self, name: str, language: str) -> Template:
        """One template; in English where it is not there in ``language``. Raises NotPossible, BadTemplate."""
        for wanted in dict.fromkeys((language, "en", "ru")):
            file = f"{name}.{wanted}.html"
            if _FILE.fullmatch(file) is None:
                break
            own = self._own(file)
            text = own if own is not None else _shipped(file)
            if text is not None:
                return parse_template(text, name=name, language=wanted, own=own is not None)
        raise NotPossible("There is no template %(name)r.", name=name[:40])

    def part(self, name: str) -> str | None:
        """What a template extends or includes, by its file name; None where there is no such file."""
        if _PART.fullmatch(name) is None:
            return None
        own = self._own(name)
        return own if own is not None else _shipped(name)

    def asset(self, name: str) -> bytes | None:
        """A picture, font or style sheet in the folder, for ``asset:NAME``; None where there is none."""
        if _ASSET.fullmatch(name) is None:
            return None
        path = self.folder / name
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_ASSET:
            return None
        return path.read_bytes()

    def _own(self, file: str) -> str | None:
        path = self.folder / file
        if not path.is_file():
            return None
        if path.stat().st_size > MAX_BYTES:
            raise BadTemplate(
                "The template %(file)s is larger than 1 MB: put pictures into files beside it.", file=file
            )
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise BadTemplate("The template %(file)s is not written in UTF-8.", file=file) from None

    def _names(self) -> list[tuple[str, str]]:
        """Name and language of each."""
        own = list(self.folder.glob("*.html")) if self.folder.is_dir() else []
        shipped = resources.files("gateway.documents").joinpath("templates").iterdir()
        files = {path.name for path in own} | {path.name for path in shipped}
        return sorted((match.group(1), match.group(2)) for file in files if (match := _FILE.fullmatch(file)))


def _shipped(file: str) -> str | None:
    path = resources.files("gateway.documents").joinpath("templates", file)
    return path.read_text(encoding="utf-8") if path.is_file() else None
