"""What Pipedrive's answers mean (pipedrive.readme.io, "HTTP status codes" and "Rate limiting")."""

from __future__ import annotations

from collections.abc import Mapping

from crm_adapter.answers import answered, document, one_line, raise_for_page
from crm_adapter.base import Gone, Misconfigured, Rejected, Throttled, utc_now
from crm_adapter.http import Answer, parse_retry_after, raise_for_status
from crm_adapter.said import Said

LIMIT_SECONDS = 10.0
"""For a 429 that names no time: the window of the burst limit is two seconds, but who goes on at once is blocked."""
DAY_SECONDS = 1800.0
"""The budget of a day comes back at midnight of the server."""
BUDGETS = ("x-daily-ratelimit-token-remaining", "x-daily-requests-left")
"""Headers with what is left of the day's budget."""

BY_A_PERSON: Mapping[int, str] = {
    401: Said(
        "the API token is not accepted: it was made anew, or its user was deactivated. Put a new one into the "
        "configuration"
    ),
    402: Said("the account is not paid, or its trial is over"),
    403: Said("the token's user lacks the right: take the token of an administrator"),
}


def judge(answer: Answer) -> None:
    """Return for a success, else raise what the answer means."""
    raise_for_page(answer)  # who asked too often for too long meets the page of a firewall
    status = answer.status
    if 200 <= status < 300:
        return
    found = document(answer)
    words = answered(answer, one_line(found.get("error") or found.get("error_info") or answer.quote()))
    if status == 429:
        raise _throttled(words, answer)
    if remedy := BY_A_PERSON.get(status):
        raise Misconfigured(Said("%(words)s: %(remedy)s", words=words, remedy=remedy))
    if status in (404, 410):
        raise Gone(words)
    if status in (400, 422):
        raise Rejected(words)
    raise_for_status(answer)


def _throttled(words: Said, answer: Answer) -> Throttled:
    if "0" in (answer.headers.get(name) for name in BUDGETS):
        said = Said("%(words)s; the requests of this day are used up, it goes on after midnight there", words=words)
        return Throttled(said, retry_after=DAY_SECONDS)
    wait = parse_retry_after(answer.headers.get("Retry-After"), utc_now())
    if wait is None:
        wait = parse_retry_after(answer.headers.get("x-ratelimit-reset"), utc_now())
    return Throttled(Said("%(words)s; too many requests", words=words), retry_after=wait or LIMIT_SECONDS)
