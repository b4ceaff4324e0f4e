"""What EspoCRM's answers mean (documentation "REST API", "Error codes"; the header X-Status-Reason says why)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, utc_now
from crm_adapter.http import Answer, raise_for_status

BY_A_PERSON: Mapping[int, str] = {
    401: "the API key is not accepted: it was made anew, its user is inactive, or wants the other method of signing",
    402: "the licence does not allow it",
}


class Gone(Rejected):
    """A record that was asked for, or that a new one should belong to, is not there: people deleted it."""


class Duplicate(Rejected):
    """EspoCRM's duplicate check found records like the new one (409)."""

    def __init__(self, reason: str, *, remote_ids: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.remote_ids = remote_ids


class Forbidden(Misconfigured):
    """No right (403). Of a parent that people deleted EspoCRM may say the same."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    status = answer.status
    if 200 <= status < 300:
        return
    document = _document(answer)
    label, data = _message(document)
    said = _one_line(answer.headers.get("X-Status-Reason") or label or answer.quote())
    if status == 409 and isinstance(document, list):
        ids = tuple(str(one["id"]) for one in document if isinstance(one, dict) and one.get("id"))
        raise Duplicate(f"{answer.host} has records like it: {', '.join(ids) or said}", remote_ids=ids)
    if status == 404 or (status == 403 and label == "cannotRelateNonExisting"):
        raise Gone(f"{answer.host} has it no more: {said}")
    if status == 403:
        raise Forbidden(f"{answer.host} answered 403: a role of the API user lacks a right. {said}")
    if remedy := BY_A_PERSON.get(status):
        raise Misconfigured(f"{answer.host} answered {status}: {remedy}. {said}")
    if status == 400:
        field = str(data.get("field") or "")
        words = f"{field}: {data.get('type')}. " if field else ""
        raise Rejected(f"{answer.host} refuses: {words}{said}", field=field or None)
    raise_for_status(answer, now=utc_now)


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
