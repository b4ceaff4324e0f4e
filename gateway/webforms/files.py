"""Files that came with a form: which are listed, which a person should not simply open, and their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.core.filetypes import FileContent, danger_of
from gateway.core.types import Attachment, Json
from gateway.webforms.body import MAX_FIELDS, parameter
from gateway.webforms.multipart import split_parts
from gateway.webforms.settings import FormSettings
from gateway.webforms.tree import said


def listed(files: Sequence[Attachment], form: FormSettings) -> tuple[Attachment, ...]:
    """The files that the form takes; the raw submission, which is capped in size, keeps all."""
    if not files:
        return ()
    return tuple(file for file in files if _refused(file, form) is None)[: form.max_files]


def remarks(files: Sequence[Attachment], form: FormSettings) -> list[str]:
    """Sentences about the files."""
    if not files:
        return []
    taken = listed(files, form)
    dangers = ((file.name, danger_of(file.name)) for file in taken)
    found = [f"{name} {danger}: do so only if you expected it." for name, danger in dangers if danger]
    refused = [(file, why) for file in files if (why := _refused(file, form)) is not None]
    found += [f"{file.name} {why}: it is in the raw submission only." for file, why in refused[: form.max_files]]
    if len(files) - len(refused) > form.max_files:
        found.append(f"{len(files)} files came: the first {form.max_files} are listed, the raw submission keeps all.")
    return found


def _refused(file: Attachment, form: FormSettings) -> str | None:
    """Why the form does not take a file."""
    if file.size > form.max_file_size:
        return f"has more than {form.max_file_size} bytes"
    if form.file_types and file.name.rpartition(".")[2].lower() not in form.file_types:
        return "is of a type that this form does not take"
    return None


def contents(raw: bytes, meta: Mapping[str, Json]) -> list[FileContent]:
    """Name, size and bytes of each file of a stored submission, in the order they came. Never raises."""
    content_type = said(meta.get("content_type"))
    if not content_type.lower().startswith("multipart/"):
        return []
    parts, _ = split_parts(raw, parameter(content_type, "boundary"), MAX_FIELDS)
    return [
        FileContent(part.filename, len(part.content), part.content) for part in parts if part.filename and part.content
    ]
