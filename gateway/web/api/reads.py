"""Reading operations of rooms that the API does not know by itself: made by a function that closes over the room.

Lists and single objects out of the database are in ``operations``; these are for what is more: a file, a template.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.errors import LeadgateError, StoreUnavailable
from gateway.web.access import Right, needs
from gateway.web.api.files import disposition
from gateway.web.api.writes import Who, WriteMeans, refusal, who_asks
from gateway.web.problems import Refused

EVERYBODY = frozenset({"owner", "chief", "manager", "auditor"})
FILE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'",
}
"""No cache keeps it, no browser guesses its type or runs what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCall:
    """One request."""

    who: Who
    ids: Mapping[str, str]
    """The variables of the path."""
    query: Mapping[str, str]
    """Only parameters that the operation names."""
    accept: str = ""
    """The header Accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An answer that is no JSON."""

    name: str
    content: bytes
    content_type: str
    inline: bool = False
    """Shown in the browser rather than saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOperation:
    """``GET``. What it raises becomes the answer, as with writes."""

    path: str
    name: str
    summary: str
    act: Callable[[ReadCall], Awaitable[Any]]
    """Gives an ``answer``, or a File."""
    answer: type[msgspec.Struct] | None = None
    """None: a file of ``content_type``."""
    content_type: str = "application/octet-stream"
    parameters: tuple[tuple[str, str], ...] = ()
    """Name and description of each query parameter."""
    right: Right = Right.SEE

    @property
    def variables(self) -> list[str]:
        """The names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def read_routes(operations: tuple[ReadOperation, ...], means: WriteMeans) -> list[web.RouteDef]:
    """A route for each."""
    return [web.get(operation.path, _handler(operation, means)) for operation in operations]


def _handler(operation: ReadOperation, means: WriteMeans) -> Handler:
    known = [name for name, _ in operation.parameters]

    @needs(operation.right)
    async def answer(request: web.Request) -> web.StreamResponse:
        for name, value in request.query.items():
            if name not in known:
                names = ", ".join(known) or "none"
                raise Refused(
                    400,
                    "unknown_parameter",
                    'There is no parameter "%(name)s"; there are %(names)s.',
                    name=name[:40],
                    names=names,
                )
            if "\x00" in value:
                raise Refused(
                    400, "bad_parameter", "The parameter %(name)s can't be used: it contains a NUL.", name=name
                )
        ids = dict(request.match_info)
        if any("\x00" in value for value in ids.values()):
            raise Refused(404, "not_found", "There is nothing with this id.")
        call = ReadCall(
            who=who_asks(request, means, EVERYBODY),
            ids=ids,
            query=dict(request.query),
            accept=request.headers.get("Accept", ""),
        )
        try:
            found = await operation.act(call)
        except StoreUnavailable:
            raise
        except LeadgateError as error:
            raise refusal(error) from None
        if isinstance(found, File):
            return _file(found)
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    return answer


def _file(file: File) -> web.Response:
    response = web.Response(body=file.content, content_type=file.content_type, headers=FILE_HEADERS)
    if file.content_type.startswith("text/"):
        response.charset = "utf-8"
    way = disposition(file.name)
    response.headers["Content-Disposition"] = way.replace("attachment", "inline", 1) if file.inline else way
    return response
