"""What Bitrix24's errors mean, and which settings of its adapter are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm_adapter.base import Context, Gone, Misconfigured, Rejected, Throttled, Unavailable
from crm_adapter.bitrix24 import build
from crm_adapter.bitrix24.errors import error_of, judge
from crm_adapter.http import Answer
from crm_adapter.options import BadOption
from crm_adapter.said import Said


def answer(status: int, document: Any) -> Answer:
    """An answer of a portal."""
    return Answer(status=status, headers={}, body=json.dumps(document).encode(), host="example.bitrix24.ru")


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "QUERY_LIMIT_EXCEEDED", Throttled, "too many requests"),
        (429, "OPERATION_TIME_LIMIT", Throttled, "OPERATION_TIME_LIMIT"),
        (403, "WRONG_AUTH_TYPE", Misconfigured, "local application"),
        (401, "NO_AUTH_FOUND", Misconfigured, "was the webhook deleted"),
        (401, "INVALID_CREDENTIALS", Misconfigured, "has run out"),
        (403, "insufficient_scope", Misconfigured, "tick CRM"),
        (400, "ACCESS_DENIED", Misconfigured, "rights to read, add and change"),
        (503, "OVERLOAD_LIMIT", Misconfigured, "write to its support"),
        (404, "ERROR_METHOD_NOT_FOUND", Misconfigured, "right for it is missing"),
        (500, "INTERNAL_SERVER_ERROR", Unavailable, "INTERNAL_SERVER_ERROR"),
        (400, "NOT_FOUND", Gone, "deleted in Bitrix24"),
        (400, "OWNER_NOT_FOUND", Gone, "deleted in Bitrix24"),
        (400, "invalid_scope", Misconfigured, "tick them there"),
        (403, "allowed_only_intranet_user", Misconfigured, "only employees"),
        (500, "PORTAL_DELETED", Misconfigured, "Temporarily close"),
        (400, "ERROR_CORE", Rejected, "ERROR_CORE"),
        (200, "ERROR_CORE", Rejected, "ERROR_CORE"),
    ],
)
def test_each_error_of_bitrix24_has_its_meaning_and_the_way_out(
    status: int, code: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        judge(answer(status, {"error": code, "error_description": "said the portal"}))
    assert type(caught.value) is kind
    assert words.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, b"<!DOCTYPE html><title>Bitrix24</title>", Unavailable, "web page instead of data"),
        (404, b"", Misconfigured, "look at url"),
        (400, b'{"error":"","error_description":"Access denied."}', Misconfigured, "rights to read, add and change"),
        (403, b'{"error":"ACCESS_DENIED","error_description":"REST API is available only on commercial plans"}',
         Misconfigured, "renew the plan"),
        (400, b'{"error":"","error_description":"Activity is not found."}', Gone, "deleted in Bitrix24"),
        (400, b'{"error":"","error_description":"The field SUBJECT is not defined or empty"}', Rejected, "SUBJECT"),
        (400, b'{"error":100,"error_description":"Expected iterable value"}', Rejected, "Expected iterable"),
        (502, b"", Unavailable, "502"),
    ],
)  # fmt: skip
def test_answers_without_a_code_and_pages_have_their_meaning(
    status: int, body: bytes, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        judge(Answer(status=status, headers={}, body=body, host="example.bitrix24.ru"))
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert isinstance(caught.value.args[0], Said)


def test_the_field_at_fault_is_taken_from_the_words() -> None:
    error = error_of("ERROR_CORE", 'Не заполнено поле "TITLE"', answer(400, {}))
    assert isinstance(error, Rejected)
    assert error.field == "TITLE"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "https://example.bitrix24.ru/"}, "whole address of the incoming webhook"),
        ({"url": "http://example.bitrix24.ru/rest/1/x/"}, "https"),
        ({"url": "https://example.bitrix24.ru/", "client_id": "local.1"}, "client_secret is missing"),
        ({"url": "https://example.bitrix24.ru/rest/1/x/", "users": {"anna": "Anna"}}, "number of a user"),
        ({"url": "https://example.bitrix24.ru/rest/1/x/", "target": "leads"}, "did you mean lead"),
        ({"url": "https://example.bitrix24.ru/rest/1/x/", "fields": {"lead": {"ufCrm_1": "{a"}}}, "stands alone"),
        ({"url": "https://example.bitrix24.ru/rest/1/x/", "fields": {"leads": {}}}, "no kind of record"),
        ({"url": "https://example.bitrix24.ru/rest/1/x/", "weburl": 1}, "not known to this adapter"),
    ],
)
def test_bad_settings_are_refused_with_the_key_and_without_the_value(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words) as caught:
        build(options, Context(name="test"))
    assert "/rest/1/x" not in str(caught.value)
