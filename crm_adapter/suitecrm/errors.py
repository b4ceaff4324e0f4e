"""What SuiteCRM's answers mean (its own code: ModuleController, ErrorResponse; league/oauth2-server).

Everything that goes wrong with a record is a 400 whose ``errors.detail`` says what in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Gone, Misconfigured, Rejected, Unavailable, utc_now
from crm_adapter.http import Answer, raise_for_status
from crm_adapter.said import Said

DATABASE = ("suitecrm.log", "database failure")
"""In the words for a query that failed: the name of the file stands in them in every language."""


class Forbidden(Misconfigured):
    """No right to a module."""


class Taken(Rejected):
    """There is a record with this id already."""


class NoOperator(Rejected):
    """The filter does not know an operator: SuiteCRM before 7.12 has no ``like``."""


class DatabaseFailure(Unavailable):
    """A query failed: for the moment, or for good where SuiteCRM's own filter can't search a field."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    if 200 <= answer.status < 300:
        return
    if answer.status == 404:  # a record that is not there is a 400
        raise _no_api(answer)
    detail = _detail(answer)
    low = detail.lower()
    said = Said("%(host)s answered %(status)s: %(words)s", host=answer.host, status=answer.status, words=detail)
    if answer.status == 401:
        raise Misconfigured(Said("%(words)s; make the client anew in Admin, OAuth2 Clients and Tokens", words=said))
    if answer.status == 403 or "access denied" in low or "not allowed" in low:
        raise Forbidden(Said("%(words)s; give the client's user the right to this module", words=said))
    if answer.status == 400:
        _judge_record(answer.host, detail, said)
    raise_for_status(answer, now=utc_now)


def _judge_record(host: str, detail: str, said: Said) -> None:
    low = detail.lower()
    if "is already exist" in low:
        raise Taken(said)
    if low.endswith("is not found") and " with id " in low:
        raise Gone(said)
    if low.startswith("filter operator ") and low.endswith(" is invalid"):
        raise NoOperator(said)
    if any(words in low for words in DATABASE):
        raise DatabaseFailure(said)
    raise Rejected(Said("%(host)s refuses: %(words)s", host=host, words=detail), field=_field(detail))


def judge_sign_in(answer: Answer) -> None:
    """The token endpoint answers as RFC 6749 section 5.2 says, with 400 or 401 and ``{"error": "invalid_client"}``."""
    if answer.status in (400, 401, 403):
        said = Said(
            "%(host)s gives no token: %(words)s; make the client anew in Admin, OAuth2 Clients and Tokens",
            host=answer.host,
            words=_detail(answer),
        )
        raise Misconfigured(said)
    if answer.status == 404:
        raise _no_api(answer)
    raise_for_status(answer, now=utc_now)


def _no_api(answer: Answer) -> Misconfigured:
    return Misconfigured(
        Said("%(host)s has no API at this address; with SuiteCRM 8 the url may end in /legacy", host=answer.host)
    )


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
