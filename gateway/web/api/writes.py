"""Operations of the API that change something, as data, and the handlers made from them.

A room's writes are made by a function that closes over what they work with and returns ``WriteOperation`` objects; the
composition root hands them to ``WebServer(writes=...)``, and routes and OpenAPI follow from them::

    def notes_writes(desk: Desk) -> tuple[WriteOperation, ...]:
        return (
            WriteOperation(
                method="POST", path="/api/v1/leads/{id}/notes", name="addNote", summary="Add a note.",
                body=NewNote, answer=NoteView, status=201,
                unit=lambda connection, call: desk.add_note(connection, call.ids["id"], call.body, call.who),
            ),
        )

Sessions need the header X-CSRF-Token (the guard checks it), tokens do not. Auditors may only look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from sqlalchemy import Connection

from gateway.audit.log import manager_actor, token_actor
from gateway.core.by import By
from gateway.core.clock import Clock, NewId
from gateway.core.errors import Conflict, LeadgateError, NotFound, StoreUnavailable
from gateway.storage.store import Store
from gateway.web.access import VIEWER, Right, needs
from gateway.web.guard import principal_of
from gateway.web.problems import Refused

WRITERS = frozenset({"owner", "chief", "manager"})
"""Roles that may change something."""
JSON_TYPES = frozenset({"application/json", "application/merge-patch+json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Who(By):
    """Who asks: ``actor`` is ``manager:ID`` or ``token:ID``."""

    role: str | None
    """The person's; None for a program."""
    seen_by: str | None = None
    """Only rows of this manager and of nobody are the person's to change; None: all are (access.Viewer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCall:
    """One request to change something."""

    who: Who
    ids: Mapping[str, str]
    """The variables of the path."""
    body: Any
    """An instance of the operation's ``body``; None where it has none."""
    version: int | None = None
    """``If-Match``: the change is only wanted if the object still has this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOperation:
    """``POST``, ``PATCH``, ``PUT`` or ``DELETE``. Exactly one of ``unit`` and ``act`` does it.

    What they raise becomes the answer: NotFound 404, Conflict 409, StoreUnavailable 503, other LeadgateErrors 422.
    """

    method: Literal["POST", "PATCH", "PUT", "DELETE"]
    path: str
    name: str
    """The operationId."""
    summary: str
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    """None: 204 without a body."""
    status: int = 200
    unit: Callable[[Connection, WriteCall], Any] | None = None
    """Runs in the writer's transaction, perhaps twice: no effect besides the connection."""
    act: Callable[[WriteCall], Awaitable[Any]] | None = None
    """For what is more than one transaction: asks a PBX, makes a file."""
    roles: frozenset[str] = WRITERS
    right: Right = Right.WORK
    """What the guard asks for before anything is done."""
    conditional: bool = False
    """Understands ``If-Match``."""
    body_optional: bool = False
    """Nothing need be sent: every field of ``body`` has a default."""

    def __post_init__(self) -> None:
        if (self.unit is None) == (self.act is None):
            raise ValueError(f"{self.name} needs exactly one of unit and act")

    @property
    def variables(self) -> list[str]:
        """The names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteMeans:
    """What every write needs."""

    store: Store
    clock: Clock
    new_id: NewId
    after: Callable[[], None]
    """Called after each write: wakes the live pages and the delivery."""


def write_routes(operations: tuple[WriteOperation, ...], means: WriteMeans) -> list[web.RouteDef]:
    """A route for each."""
    return [web.route(operation.method, operation.path, _handler(operation, means)) for operation in operations]


def _handler(operation: WriteOperation, means: WriteMeans) -> Handler:
    decoder = msgspec.json.Decoder(operation.body) if operation.body is not None else None

    @needs(operation.right)
    async def answer(request: web.Request) -> web.StreamResponse:
        who = who_asks(request, means, operation.roles)
        call = WriteCall(
            who=who,
            ids=_ids(request),
            body=await _body(request, decoder, operation.body if operation.body_optional else None),
            version=_version(request) if operation.conditional else None,
        )
        try:
            done = await perform(operation, means, call)
        except StoreUnavailable:
            raise
        except LeadgateError as error:
            raise refusal(error) from None
        means.after()
        if operation.answer is None:
            return web.Response(status=204)
        body = msgspec.json.encode(done)
        return web.Response(status=operation.status, body=body, content_type="application/json", headers=etag(done))

    return answer


async def perform(operation: WriteOperation, means: WriteMeans, call: WriteCall) -> Any:
    """Do it; the forms of the pages do it too. Raises the room's own LeadgateErrors."""
    if operation.act is not None:
        return await operation.act(call)
    unit = operation.unit
    assert unit is not None  # checked by __post_init__
    return await means.store.write(lambda connection: unit(connection, call))


def who_asks(request: web.Request, means: WriteMeans, roles: frozenset[str] = WRITERS) -> Who:
    """The person or program behind a request that the guard let in. Raises Refused (403) for other roles."""
    principal = principal_of(request)
    if principal is None:
        raise Refused(401, "unauthorized", "Sign in first.")
    at = means.clock.now()
    if principal.session is not None:
        session = principal.session
        if session.role not in roles:
            raise Refused(403, "role", "The role %(role)s may not do this.", role=session.role)
        actor = manager_actor(session.manager_id)
        viewer = request.get(VIEWER)
        return Who(
            actor=actor,
            manager_id=session.manager_id,
            role=session.role,
            at=at,
            new_id=means.new_id,
            seen_by=viewer.seen_by if viewer is not None else None,
        )
    assert principal.token is not None  # exactly one of the two
    actor = token_actor(principal.token.id)
    return Who(actor=actor, manager_id=None, role=None, at=at, new_id=means.new_id)


def refusal(error: LeadgateError) -> Refused:
    """A room's error as an answer; pages use it too."""
    status = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 422
    if error.retryable:
        status = 503
    return Refused(status, error.code, error.sentence)


def etag(value: object) -> dict[str, str]:
    """``ETag`` of an object that has a ``version``, for If-Match."""
    version = getattr(value, "version", None)
    return {"ETag": f'"{version}"'} if isinstance(version, int) else {}


def _ids(request: web.Request) -> dict[str, str]:
    ids = dict(request.match_info)
    if any("\x00" in value for value in ids.values()):
        raise Refused(404, "not_found", "There is nothing with this id.")
    return ids


async def _body(
    request: web.Request, decoder: msgspec.json.Decoder[Any] | None, default: type[msgspec.Struct] | None
) -> Any:
    """The decoded body; where nothing was sent and nothing need be, ``default``. Raises Refused (400, 415)."""
    if decoder is None:
        return None
    if default is not None and not await request.read():
        return default()
    if request.content_type not in JSON_TYPES:
        raise Refused(415, "unsupported_media_type", "Send JSON, with Content-Type: application/json.")
    raw = await request.read()
    if b"\\u0000" in raw:
        raise Refused(400, "bad_body", "The body contains a NUL, which can't be stored.")
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "bad_body", "The body can't be used: %(why)s.", why=str(error)[:300]) from None


def _version(request: web.Request) -> int | None:
    text = request.headers.get("If-Match", "").strip()
    if text in {"", "*"}:
        return None
    number = text.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise Refused(400, "bad_parameter", "If-Match can't be used: send the ETag that came with the object.")
    return int(number)
