"""The last look at every answer to who is shown numbers and addresses masked (``[web] mask_for``).

No view, page or export has to think of it: whatever they made is masked as a whole before it leaves, a kind of content
that nobody can mask is refused. A route that somebody forgets is therefore masked or refused, never open.
"""

from __future__ import annotations

import asyncio
import html
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.masking import HIDDEN, MASK, Masker, Reading
from gateway.web.access import SAFE_METHODS, VIEWER
from gateway.web.problems import Refused
from gateway.web.sheets import XLSX_TYPE

OURS: web.ResponseKey[bool] = web.ResponseKey("ours", bool)
"""Set on pages of our own templates. Other HTML is a stranger's: a tag may stand within a number there."""
LONGEST_ID = 10**9
"""Larger whole numbers in JSON may be telephones."""

_TAG = re.compile(r"<[^>]*>")
_ATTRIBUTE = re.compile(r"""\s([^\s=>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_LINKS = frozenset({"href", "src", "action", "formaction"})
_CELL = re.compile(r"(<t(?: [^>]*)?>)([^<]*)(</t>)")
_decoder = msgspec.json.Decoder(float_hook=lambda written: msgspec.Raw(written.encode()))
_encoder = msgspec.json.Encoder()
Change = Callable[[str], str]


class Masking:
    """Masks answers. ``masker`` knows the company's own numbers and addresses."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def middleware(self) -> Middleware:
        """Outside of what turns errors into answers: an error may tell a number too."""

        @web.middleware
        async def mask(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            viewer = request.get(VIEWER)
            return await self.answer(response) if viewer is not None and viewer.masked else response

        return mask

    async def answer(self, response: web.StreamResponse) -> web.StreamResponse:
        """The answer as it may leave. Raises Refused for what can't be masked."""
        if response.prepared:  # events: the stream tells ids only
            return response
        if 300 <= response.status < 400:
            return self._redirect(response)
        if response.content_type.startswith("audio/"):
            return response
        if not isinstance(response, web.Response):
            raise _refused()
        body = response.body
        if not body:
            return response
        if not isinstance(body, bytes | bytearray) or "Content-Encoding" in response.headers:
            raise _refused()
        way = _way(response)
        change = Reading(self._masker).text
        # a page of a thousand rows takes as long as reading it from the database: others needn't wait for it
        response.body = await asyncio.to_thread(way, bytes(body), change)
        return response

    def _redirect(self, response: web.StreamResponse) -> web.StreamResponse:
        """Our own paths have ids, or what the viewer typed; another place may have a number in a file's name."""
        target = unquote(response.headers.get("Location", ""))
        if urlsplit(target).netloc and self._masker.text(target) != target:
            raise _refused()
        return response


def _way(response: web.Response) -> Callable[[bytes, Change], bytes]:
    """How content of this type is masked."""
    way = WAYS.get(response.content_type)
    if way is None or (response.content_type == "text/html" and OURS not in response):
        raise _refused()
    return way


def _plain(body: bytes, change: Change) -> bytes:
    return change(body.decode()).encode()


def _json(body: bytes, change: Change) -> bytes:
    return _encoder.encode(_value(_decoder.decode(body), change))


def _value(value: object, change: Change) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_value(item, change) for item in value]
    if isinstance(value, dict):
        return {change(name): _value(item, change) for name, item in value.items()}
    if isinstance(value, int) and value > LONGEST_ID:
        written = str(value)
        shown = change(written)
        return value if shown in {written, HIDDEN} else shown  # what no country has is a moment or a count
    return value


def masked_html(body: bytes, change: Change) -> bytes:
    """A page of ours: its texts and attributes; links that would tell a number or an address lead nowhere."""
    page, done, parts = body.decode(), 0, list[str]()
    for tag in _TAG.finditer(page):
        parts += [_escaped(page[done : tag.start()], change), _tag(tag[0], change)]
        done = tag.end()
    return "".join([*parts, _escaped(page[done:], change)]).encode()


def _tag(tag: str, change: Change) -> str:
    return tag if 'name="csrf"' in tag else _ATTRIBUTE.sub(lambda match: _attribute(match, change), tag)


def _attribute(match: re.Match[str], change: Change) -> str:
    name, written = match[1], match[2] if match[2] is not None else match[3]
    if name.lower() in _LINKS:
        target = unquote(html.unescape(written))
        return match[0] if change(target) == target else ""
    shown = _escaped(written, change)
    return match[0] if shown == written else f' {name}="{shown}"'


def _escaped(written: str, change: Change) -> str:
    text = html.unescape(written)
    shown = change(text)
    return written if shown == text else html.escape(shown)


def masked_sheet(book: bytes, change: Change) -> bytes:
    """A workbook of ours (gateway/web/sheets.py): the texts of its cells."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename.startswith("xl/") and item.filename.endswith(".xml"):
                content = _CELL.sub(
                    lambda cell: cell[1] + _escaped(cell[2], change) + cell[3], content.decode()
                ).encode()
            new.writestr(item, content)
    return out.getvalue()


WAYS: Mapping[str, Callable[[bytes, Change], bytes]] = {
    "application/json": _json,
    "application/problem+json": _json,
    "text/html": masked_html,
    "text/csv": _plain,
    "text/plain": _plain,
    XLSX_TYPE: masked_sheet,
}
"""Everything else is refused: letters as they came, files, documents as PDF."""


async def refuse_masks(request: web.Request) -> None:
    """Raise Refused where a masked viewer sends a mask back: it would be stored over the number that it hides."""
    if request.method in SAFE_METHODS or not request.can_read_body:
        return
    if MASK.search((await request.read()).decode(errors="replace")):
        raise Refused(
            422,
            "masked",
            "Your role sees numbers and addresses masked, and a mask can't be saved: write it anew or leave it out.",
        )


def _refused() -> Refused:
    return Refused(403, "masked", "Your role sees numbers and addresses masked, and in this file they can't be.")
