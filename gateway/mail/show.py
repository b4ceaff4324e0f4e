"""A letter as its reader may see it: its HTML made harmless, with the small pictures that it brought along.

Nothing is loaded from anywhere: no remote picture, no style sheet, no font; who opens it tells its sender nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from gateway.mail.parse.content import part_bytes, read_content
from gateway.mail.parse.limits import DEFAULT_LIMITS, Limits
from gateway.mail.parse.sanitise import clean_html
from gateway.mail.parse.structure import Part, read_structure

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Shown in place. SVG is a program."""
MAX_PICTURE = 256 * 1024
"""Bytes of one picture that is shown in place; larger ones are attachments only."""
MAX_PICTURES = 2 * 1024 * 1024
"""Bytes of all of them."""
_ID = re.compile(r"[^<>\s]{1,500}")


def harmless_html(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> str | None:
    """The HTML of a letter for showing; None for one that has none. Never raises; bounded by ``limits``."""
    root, _ = read_structure(raw, limits)
    html = read_content(raw, root, limits).html
    return None if html is None else clean_html(html[: limits.html_chars], _pictures(raw, root))


def _pictures(raw: bytes, root: Part) -> Mapping[str, str]:
    """Content-ID -> the picture as a ``data:`` address (RFC 2392, RFC 2397), of those that are small."""
    found: dict[str, str] = {}
    room = MAX_PICTURES
    for part in root.leaves():
        name = _content_id(part)
        if name is None or name in found or part.content_type not in PICTURES:
            continue
        if part.end - part.start > 2 * MAX_PICTURE:  # base64 is a third longer, so it can't be small
            continue
        data = part_bytes(raw, part)
        if len(data) <= min(MAX_PICTURE, room):
            room -= len(data)
            found[name] = f"data:{part.content_type};base64,{base64.b64encode(data).decode('ascii')}"
    return found


def _content_id(part: Part) -> str | None:
    match = _ID.search(part.headers.raw("content-id") or "")
    return match.group(0) if match else None
