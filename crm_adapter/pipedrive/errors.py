"""What Pipedrive's answers mean (pipedrive.readme.io, "HTTP status codes" and "Rate limiting")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Misconfigured, Rejected, Throttled, Unavailable, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status

LIMIT_SECONDS = 10.0
"""For a 429 that names no time: the window of the burst limit is two seconds, but who goes on at once is blocked."""

BY_A_PERSON: Mapping[int, str] = {
    401: "the API token is not accepted: it was made anew, or its user was deactivated",
    402: "the account is not paid, or its trial is over",
    403: "access is denied: the token's user lacks the right, or the gateway asked too often for too long",
}


class Gone(Rejected):
    """The record is not there: people deleted it, or turned a lead into a deal."""


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    status = answer.status
    if 200 <= status < 300:
        return
    document = _document(answer)
    said = " ".join(str(document.get("error") or document.get("error_info") or answer.quote()).split())[:300]
    if status == 429:
        wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
        if wait is None:
            wait = parse_retry_after(answer.headers.get("x-ratelimit-reset"), utc_now())
        raise Throttled(f"{answer.host} answered 429: {said}", retry_after=wait or LIMIT_SECONDS)
    if remedy := BY_A_PERSON.get(status):
        raise Misconfigured(f"{answer.host} answered {status}: {remedy}. {said}")
    if status in (404, 410):
        raise Gone(f"{answer.host} has it no more: {said}")
    if status in (400, 422):
        raise Rejected(f"{answer.host} refuses: {said}")
    raise_for_status(answer)


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except Unavailable:
        return {}
    return found if isinstance(found, Mapping) else {}
