"""The OpenAPI 3.1 document, made from the operations and the types of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.web.api.files import FILE_PATH
from gateway.web.api.operations import ITEMS, LISTS, ItemOperation, ListOperation
from gateway.web.api.parameters import Parameter
from gateway.web.api.reads import ReadOperation
from gateway.web.api.recordings import RECORDING_PATH
from gateway.web.api.writes import WriteOperation
from gateway.web.health import HealthView
from gateway.web.problems import CONTENT_TYPE, Problem

REF = "#/components/schemas/{name}"
SECURED: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]


def document(
    version: str, writes: Sequence[WriteOperation] = (), reads: Sequence[ReadOperation] = ()
) -> dict[str, Any]:
    """The whole document for Leadgate ``version`` with these operations of the rooms."""
    written = [shape for operation in writes for shape in (operation.body, operation.answer) if shape is not None]
    shapes = [Problem, HealthView, *(operation.shape for operation in (*LISTS, *ITEMS)), *written]
    shapes += [operation.answer for operation in reads if operation.answer is not None]
    _, schemas = msgspec.json.schema_components(dict.fromkeys(shapes), ref_template=REF)
    paths = _paths()
    for reading in reads:
        paths.setdefault(reading.path, {})["get"] = _read(reading)
    for operation in writes:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _write(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Leadgate",
            "version": version,
            "description": "Leads from calls, mails and web forms. Times are ISO 8601 with zone.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "`leadgate token add NAME` makes one."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "leadgate",
                    "description": "A signed-in browser.",
                },
            },
        },
    }


def _paths() -> dict[str, dict[str, Any]]:
    """Everything that is only read."""
    return {
        **{operation.path: {"get": _list(operation)} for operation in LISTS},
        **{operation.path: {"get": _item(operation)} for operation in ITEMS},
        "/api/v1/events": {"get": _events()},
        RECORDING_PATH: {"get": _recording()},
        FILE_PATH: {"get": _file()},
        "/api/openapi.json": {"get": _open("openapi", "This document.", "application/json", {"type": "object"})},
        "/health": {"get": _health()},
        "/metrics": {"get": _open("metrics", "Metrics for Prometheus.", "text/plain", {"type": "string"})},
    }


def _read(operation: ReadOperation) -> dict[str, Any]:
    text = {"type": "string"}
    variables = [{"name": name, "in": "path", "required": True, "schema": text} for name in operation.variables]
    queries = [
        {"name": name, "in": "query", "description": words, "schema": text} for name, words in operation.parameters
    ]
    found = (
        _content("It.", "application/json", _ref(operation.answer))
        if operation.answer is not None
        else _content("The file.", operation.content_type, {"type": "string", "format": "binary"})
    )
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": SECURED,
        "parameters": [*variables, *queries],
        "responses": {"200": found, **_errors(400, 401, 403, 404, 422, 503)},
    }


def _write(operation: WriteOperation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in operation.variables
    ]
    if operation.conditional:
        tag = "The ETag of the object as you know it: if somebody changed it since, the answer is 409."
        parameters.append({"name": "If-Match", "in": "header", "description": tag, "schema": {"type": "string"}})
    done = (
        {"204": {"description": "Done."}}
        if operation.answer is None
        else {str(operation.status): _content("Done: it, as it is now.", "application/json", _ref(operation.answer))}
    )
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": SECURED,
        "parameters": parameters,
        "responses": {**done, **_errors(400, 401, 403, 404, 409, 415, 422, 503)},
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _list(operation: ListOperation) -> dict[str, Any]:
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": _ref(operation.shape)},
            "next": {"type": ["string", "null"], "description": "`cursor` of the next page; null on the last."},
        },
    }
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": SECURED,
        "parameters": [_query(parameter) for parameter in operation.parameters],
        "responses": {"200": _content("A page.", "application/json", page), **_errors(400, 401, 503)},
    }


def _item(operation: ItemOperation) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if operation.numbered:
        schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": SECURED,
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": schema}],
        "responses": {
            "200": _content("It.", "application/json", _ref(operation.shape)),
            **_errors(400, 401, 404, 503),
        },
    }


def _events() -> dict[str, Any]:
    number = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    return {
        "operationId": "streamEvents",
        "summary": "What changes, live. `event` is the kind (`lead.created`), `data` has the `id`; of leads the "
        "whole lead. `stream.reset` says that events were lost: load the lists anew.",
        "security": SECURED,
        "parameters": [
            {"name": "Last-Event-ID", "in": "header", "description": "Go on after this event.", "schema": number},
            {
                "name": "last_event_id",
                "in": "query",
                "description": "The same for a first connection.",
                "schema": number,
            },
        ],
        "responses": {
            "200": _content("Server-sent events, without end.", "text/event-stream", {"type": "string"}),
            **_errors(400, 401, 503),
        },
    }


def _file() -> dict[str, Any]:
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    number = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    binary = {"type": "string", "format": "binary"}
    content = _content("The file, as an attachment.", "application/octet-stream", binary)
    content["headers"] = {
        "X-Leadgate-Danger": {
            "description": "Why nobody should simply open it; absent: nothing is known.",
            "schema": {"type": "string"},
        }
    }
    return {
        "operationId": "getFile",
        "summary": "A file that came with a form or letter, numbered as among its `attachments`, from 1.",
        "security": SECURED,
        "parameters": [identity, number],
        "responses": {"200": content, **_errors(401, 404, 503)},
    }


def _recording() -> dict[str, Any]:
    sound = {"type": "string", "format": "binary"}
    return {
        "operationId": "getRecording",
        "summary": "The recording of a call. `code` of a 404: not_found, no_recording, recording_missing, "
        "recordings_not_configured.",
        "security": SECURED,
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "Range", "in": "header", "description": "As in RFC 9110.", "schema": {"type": "string"}},
        ],
        "responses": {
            "200": _content("All of it.", "audio/*", sound),
            "206": _content("The part that was asked for.", "audio/*", sound),
            "302": {"description": "It is at this address, where the configuration names one."},
            "416": {"description": "The part is not in the file."},
            **_errors(401, 404, 503),
        },
    }


def _health() -> dict[str, Any]:
    answer = _ref(HealthView)
    return {
        "operationId": "health",
        "summary": "How the gateway is.",
        "security": [],
        "responses": {
            "200": _content("It takes what comes.", "application/json", answer),
            "503": _content("It can't store what comes.", "application/json", answer),
        },
    }


def _open(name: str, summary: str, content_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": _content(summary, content_type, schema)},
    }


def _query(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _content(_REASONS[status], CONTENT_TYPE, _ref(Problem)) for status in statuses}


_REASONS = {
    400: "A parameter or the body can't be used.",
    401: "No valid token or session.",
    403: "Your role may not do this, or the form's token is missing (header X-CSRF-Token; sessions only).",
    404: "There is nothing with this id.",
    409: "Somebody else was faster, or it contradicts what is there; `detail` says who or what.",
    415: "The body must be JSON.",
    422: "What is asked for is not possible; `detail` says why.",
    503: "The database can't be reached at the moment.",
}


def _content(description: str, content_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": dict(schema)}}}


def _ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REF.format(name=shape.__name__)}
