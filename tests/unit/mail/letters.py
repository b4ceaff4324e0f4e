"""Letters for tests, made of what matters in each."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from gateway.core.types import Json
from gateway.mail.inspect import inspect_mail
from gateway.mail.parse import Letter, read_letter

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def letter_bytes(body: str | bytes = "", *, charset: str = "utf-8", label: str | None = "", **headers: str) -> bytes:
    """A letter of one text. ``label`` is the charset it claims: ``charset`` when empty, none when None.

    Header names are written with underscores: ``reply_to="a@b"``. ``sender`` and ``to`` have defaults.
    """
    fields = {"from": "Иван <ivan@mail.ru>", "to": "sales@firm.ru", "subject": "Вопрос", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value)
    if "content_type" not in headers:
        claimed = charset if label == "" else label
        head += "Content-Type: text/plain" + (f"; charset={claimed}" if claimed else "") + "\r\n"
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode(charset)
    return head.encode() + b"\r\n" + content


def multipart(*parts: str | bytes, subtype: str = "mixed", **headers: str) -> bytes:
    """A multipart of ready parts (headers, empty line, body)."""
    encoded = [part if isinstance(part, bytes) else part.replace("\n", "\r\n").encode() for part in parts]
    body = b"".join(b"--B\r\n" + part + b"\r\n" for part in encoded) + b"--B--\r\n"
    return letter_bytes(body, content_type=f'multipart/{subtype}; boundary="B"', **headers)


def cut_off(raw: bytes) -> bytes:
    """A multipart whose end did not arrive."""
    return raw.removesuffix(b"--B--\r\n")


def file_part(name: str, data: bytes = b"data", content_type: str = "application/pdf", extra: str = "") -> str:
    """An attachment part; ``name`` is the raw ``filename...=...`` parameter."""
    content = base64.encodebytes(data).decode()
    return (
        f"Content-Type: {content_type}\nContent-Disposition: attachment; {name}\n{extra}"
        f"Content-Transfer-Encoding: base64\n\n{content}"
    )


def read(raw: bytes) -> Letter:
    """Parsed at the tests' moment."""
    return read_letter(raw, NOW)


def inspect(raw: bytes, region: str = "RU") -> dict[str, Json]:
    """The record of the contract."""
    return inspect_mail(raw, file="letter.eml", region=region, now=NOW)
