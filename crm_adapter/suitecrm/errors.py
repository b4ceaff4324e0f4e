"""What SuiteCRM's answers mean (its own code: ModuleController, ErrorResponse; league/oauth2-server).

Everything that goes wrong with a record is a 400 whose ``errors.detail`` says what in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Unavailable, utc_now
from crm_adapter.http import Answer, raise_for_status

HINT = "make the client anew in Admin, OAuth2 Clients and Tokens"
DATABASE = "database failure"
"""English; a translated one is refused like any other sentence, and a person reads it."""


class Gone(Rejected):
    """There is no record with this id, or it was deleted."""


class Taken(Rejected):
    """There is a record with this id already."""


class DatabaseFailure(Unavailable):
    """A query failed: for the moment, or for good where SuiteCRM's own filter can't search a field."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    if 200 <= answer.status < 300:
        return
    detail = _detail(answer)
    low = detail.lower()
    said = f"{answer.host} answered {answer.status}: {detail}"
    if answer.status == 401:
        raise Misconfigured(f"{said}; {HINT}")
    if answer.status == 403 or "access denied" in low or "not allowed" in low:
        raise Misconfigured(f"{said}; give the client's user the right to this module")
    if answer.status == 400:
        if "is already exist" in low:
            raise Taken(said)
        if low.endswith("is not found") and " with id " in low:
            raise Gone(said)
        if DATABASE in low:
            raise DatabaseFailure(said)
        raise Rejected(f"{answer.host} refuses: {detail}", field=_field(detail))
    raise_for_status(answer, now=utc_now)


def judge_sign_in(answer: Answer) -> None:
    """The token endpoint answers as RFC 6749 section 5.2 says, with 400 or 401 and ``{"error": "invalid_client"}``."""
    if answer.status in (400, 401, 403):
        raise Misconfigured(f"{answer.host} gives no token: {_detail(answer)}; {HINT}")
    if answer.status == 404:
        raise Misconfigured(f"{answer.host} has no API at this address; with SuiteCRM 8 the url may end in /legacy")
    raise_for_status(answer, now=utc_now)


def _detail(answer: Answer) -> str:
    document = _document(answer)
    errors = document.get("errors")
    found = errors.get("detail") if isinstance(errors, dict) else None
    found = found or document.get("error_description") or document.get("error") or document.get("message")
    return " ".join(str(found or answer.quote() or "without a word").split())[:300]


def _field(detail: str) -> str | None:
    """``Property x_c in Lead module is invalid``."""
    words = detail.split()
    return words[1] if len(words) > 2 and words[0] == "Property" and words[2] == "in" else None


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
