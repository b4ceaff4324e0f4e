"""File names of attachments made safe to show and to store: no path, no control or direction characters."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 200
"""Characters; the extension is kept when a name is cut."""

_EXTENSIONS = {
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "text/csv": "csv",
    "text/rfc822-headers": "txt",
    "message/rfc822": "eml",
    "message/global": "eml",
    "message/delivery-status": "txt",
    "message/feedback-report": "txt",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/ms-tnef": "dat",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/pgp-signature": "asc",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "video/mp4": "mp4",
}

# Bidi overrides turn "exe.gpj" around; line separators break lists.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")


def safe_name(name: str) -> str:
    """``../../etc/passwd`` -> ``passwd``; empty when nothing is left. Letters of any script stay."""
    bare = _INVISIBLE.sub("", unicodedata.normalize("NFC", name)).replace("\\", "/")
    bare = " ".join(bare.rsplit("/", 1)[-1].split()).strip(" ")
    if set(bare) <= {"."}:
        return ""
    if len(bare) <= MAX_NAME:
        return bare
    stem, dot, extension = bare.rpartition(".")
    if not dot or len(extension) > 10:
        return bare[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(extension) - 1]}.{extension}"


def default_name(content_type: str, number: int) -> str:
    """A name for the ``number``-th attachment that came without one, the same each time."""
    extension = _EXTENSIONS.get(content_type, "bin")
    return f"attachment-{number}.{extension}"
