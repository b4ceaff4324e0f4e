"""Dates of mail headers (RFC 5322 section 3.3) to UTC, and which of them are absurd."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mailparser.dates import parse_mail_date

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""A clock that lost its battery says 1 January 1970."""
AHEAD = timedelta(days=365)
"""Clocks and time zones are wrong by hours, not by years."""

_TRAILER = re.compile(r"\s*\([^()]*\)\s*$")


def parse_date(value: str | None, now: datetime) -> datetime | None:
    """The moment in UTC; None when absent, unreadable, or absurd (before 1970, or more than a year after ``now``)."""
    if not value or len(value) > 200:
        return None
    moment = _by_standard(value) or _leniently(value)
    if moment is None or not EARLIEST <= moment <= now + AHEAD:
        return None
    return moment


def _by_standard(value: str) -> datetime | None:
    try:
        selected = parse_mail_date(value).value
    except Exception:
        return None
    return _as_utc(selected) if isinstance(selected, datetime) else None


def _as_utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _leniently(value: str) -> datetime | None:
    for text in (_TRAILER.sub("", value), value.replace("Z", " +0000")):
        try:
            moment = parsedate_to_datetime(text.strip())
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
        return _as_utc(moment)
    return _by_iso(value)


def _by_iso(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return _as_utc(moment)
