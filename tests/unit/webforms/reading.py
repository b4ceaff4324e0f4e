"""What the unit tests of the forms share: one submission in, one Draft out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from gateway.core.types import Draft, HandleKind
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Submission
from gateway.webforms.understand import Understood, understand

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FORM = FormSettings(key="site", name="Main site")
URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"


def submission(raw: bytes | str, content_type: str = URLENCODED, **changed: Any) -> Submission:
    octets = raw.encode() if isinstance(raw, str) else raw
    return Submission(form=changed.pop("form", "site"), raw=octets, content_type=content_type, **changed)


def read(raw: bytes | str, content_type: str = URLENCODED, form: FormSettings = FORM, **changed: Any) -> Understood:
    return understand(submission(raw, content_type, **changed), form, region="RU", received_at=NOW)


def draft(raw: bytes | str, content_type: str = URLENCODED, form: FormSettings = FORM, **changed: Any) -> Draft:
    return read(raw, content_type, form, **changed).draft


def urlencoded(*pairs: tuple[str, str], charset: str = "utf-8") -> bytes:
    """Pairs as a browser sends them."""
    return "&".join(f"{quote_plus(k, encoding=charset)}={quote_plus(v, encoding=charset)}" for k, v in pairs).encode()


def multipart(*parts: tuple[str, bytes] | tuple[str, bytes, str], boundary: str = "B0undary") -> tuple[bytes, str]:
    """Fields (name, value) and files (name, bytes, file name) with their content type."""
    body = b""
    for part in parts:
        head = f'Content-Disposition: form-data; name="{part[0]}"'
        if len(part) == 3:
            head += f'; filename="{part[2]}"\r\nContent-Type: image/png'
        body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + part[1] + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def phones(drafted: Draft) -> list[str]:
    return [handle.value for handle in drafted.handles if handle.kind is HandleKind.PHONE]


def emails(drafted: Draft) -> list[str]:
    return [handle.value for handle in drafted.handles if handle.kind is HandleKind.EMAIL]
