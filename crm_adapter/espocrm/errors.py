"""What EspoCRM's answers mean (documentation "REST API", "Error codes"; the header X-Status-Reason says why)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from crm_adapter.base import Gone, Misconfigured, Rejected, utc_now
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

BY_A_PERSON: Mapping[int, Said] = {
    401: Said(
        "the API key is not accepted: it was made anew, its user is inactive, or wants the other method of signing"
    ),
    402: Said("the licence does not allow it"),
}


class Duplicate(Rejected):
    """EspoCRM's duplicate check found records like the new one (409)."""

    def __init__(self, reason: str, *, remote_ids: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.remote_ids = remote_ids


class Forbidden(Misconfigured):
    """No right (403). Of a parent that people deleted EspoCRM may say the same."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    status, host = answer.status, answer.host
    if 200 <= status < 300:
        return
    document = _document(answer)
    label, data = _message(document)
    words = _one_line(answer.headers.get("X-Status-Reason") or label or answer.quote()) or _phrase(status)
    if status == 409 and isinstance(document, list):
        ids = tuple(str(one["id"]) for one in document if isinstance(one, dict) and one.get("id"))
        found = Said("%(host)s has records like it: %(records)s", host=host, records=", ".join(ids) or words)
        raise Duplicate(found, remote_ids=ids)
    if status == 404 and answer.body.lstrip()[:1] == b"<":
        raise Misconfigured(Said("%(host)s has no API at this address: look at url", host=host))
    if status == 404 or (status == 403 and label == "cannotRelateNonExisting"):
        raise Gone(Said("%(host)s has it no more: %(words)s", host=host, words=words))
    if status == 403:
        raise Forbidden(
            Said("%(host)s answered 403: a role of the API user lacks a right. %(words)s", host=host, words=words)
        )
    if remedy := BY_A_PERSON.get(status):
        said = Said(
            "%(host)s answered %(status)s: %(remedy)s. %(words)s", host=host, status=status, remedy=remedy, words=words
        )
        raise Misconfigured(said)
    if status == 400:
        field = str(data.get("field") or "")
        words = f"{field}: {data.get('type')}. {words}" if field else words
        raise Rejected(Said("%(host)s refuses: %(words)s", host=host, words=words), field=field or None)
    raise_for_status(answer, now=utc_now)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)


def _message(document: Any) -> tuple[str, Mapping[str, Any]]:
    """The label and the values of ``messageTranslation``, which errors for people carry."""
    found = document.get("messageTranslation") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        return "", {}
    data = found.get("data")
    return str(found.get("label") or ""), data if isinstance(data, dict) else {}


def _document(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]
