"""Reads a stored submission again with today's presets and mapping. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.core.types import Draft, Json, Kind
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Submission
from gateway.webforms.tree import said
from gateway.webforms.understand import understand

ACCEPTED = "accepted"
"""In the details: a person said that it is no spam. It stays so."""


def submission_of(form: str, raw: bytes, meta: Mapping[str, Json]) -> Submission:
    """A submission as it came, from what the journal keeps of it."""
    query = meta.get("query")
    pairs = [pair for pair in query if isinstance(pair, list) and len(pair) == 2] if isinstance(query, list) else []
    return Submission(
        form=form,
        raw=raw,
        content_type=said(meta.get("content_type")),
        query=tuple((said(name), said(value)) for name, value in pairs),
        address=said(meta.get("address")) or None,
        origin=said(meta.get("origin")) or None,
        referer=said(meta.get("referer")) or None,
        user_agent=said(meta.get("user_agent")) or None,
        idempotency_key=said(meta.get("idempotency_key")) or None,
        message_id=said(meta.get("message_id")) or None,
        browser=meta.get("browser") is True,
    )


def reread(
    form: FormSettings,
    raw: bytes,
    meta: Mapping[str, Json],
    before: Mapping[str, Json],
    *,
    region: str,
    received_at: datetime,
    not_spam: bool = False,
) -> Draft:
    """What the submission means now.

    ``before`` are the details of the last reading: what the guards said then can't be found out again, so it stands,
    until a person says ``not_spam``.
    """
    trusted = not_spam or before.get(ACCEPTED) is True
    draft = understand(
        submission_of(form.key, raw, meta),
        form,
        region=region,
        received_at=received_at,
        quarantine=not trusted and before.get("quarantine") is True,
        spam=None if trusted else said(before.get("spam")) or None,
    ).draft
    if not trusted:
        return draft
    kind = Kind.MESSAGE if draft.kind is Kind.SPAM else draft.kind
    details = {key: value for key, value in draft.details.items() if key != "spam"}
    return replace(draft, kind=kind, details={**details, ACCEPTED: True})
