"""What the judges of answers share: the far side's own words in a sentence, and a web page where JSON was expected."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from crm_adapter.base import Unavailable
from crm_adapter.http import Answer
from crm_adapter.said import Said

MOST_WORDS = 300
"""Characters of the far side's own words."""


def answered(answer: Answer, words: str = "", *, code: str = "") -> Said:
    """``api.example.com answered 400 INVALID_DATA: invalid data``; the words are the CRM's own."""
    status = f"{answer.status} {code}".rstrip()
    if not words:
        return Said("%(host)s answered %(status)s", host=answer.host, status=status)
    return Said("%(host)s answered %(status)s: %(words)s", host=answer.host, status=status, words=words)


def one_line(words: object) -> str:
    """What a CRM said, on one line, not too long, and without its full stop: our words follow."""
    return " ".join(str(words or "").split())[:MOST_WORDS].rstrip(".")


def is_page(answer: Answer) -> bool:
    """Whether it is HTML: somebody else than the CRM's interface answered."""
    return answer.body.lstrip()[:1] == b"<"


def raise_for_page(answer: Answer) -> None:
    """Raise Unavailable for a web page. It may be a wrong address, or a CRM that is being worked at: only the latter
    passes by itself, so it is tried again, and says how to tell them apart. One that names a time to wait throttles."""
    if is_page(answer) and answer.status != HTTPStatus.TOO_MANY_REQUESTS and "Retry-After" not in answer.headers:
        raise Unavailable(
            Said(
                "%(host)s answered %(status)s with a web page instead of data: look whether the address in the "
                "configuration is right; where it is, the CRM is being worked at, or something before it (proxy, "
                "firewall) keeps us out",
                host=answer.host,
                status=answer.status,
            )
        )


def document(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        found = answer.json() if answer.body.strip() else {}
    except Unavailable:
        return {}
    return found if isinstance(found, Mapping) else {}
