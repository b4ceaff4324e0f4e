"""A call from a log as an ``Inbound``, with the ``key`` that the live connector gives: it is the same call. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from gateway.core.types import Inbound
from gateway.telephony.history.columns import LogKind
from gateway.telephony.record import CallRecord
from gateway.telephony.report import NO_DIRECTION, inbound_of

CUT = "The PBX stopped during this call; its log does not tell how the call ended."
FROM_CDR = "Known only from a call detail record: transfers may be missing and times inexact."


def history_inbound(record: CallRecord, kind: LogKind, *, pbx: str, region: str, received_at: datetime) -> Inbound:
    """The report of an ended call. ``details["from"]`` says which log told it: what the connector itself saw wins over
    it (``gateway.capture.precedence``). The ``dedup_key`` is one of the content: read twice, it is the same report."""
    live = inbound_of(record, pbx=pbx, region=region, received_at=received_at)
    draft = live.draft
    assert draft is not None  # inbound_of always makes one
    sentences = (
        (CUT, bool(record.facts.get("cut"))),
        (FROM_CDR, kind == "cdr"),
        (NO_DIRECTION, record.direction is None),
    )
    return replace(
        live,
        connector=kind,
        dedup_key=f"{live.key}:{kind}:{hashlib.sha256(live.raw).hexdigest()[:16]}",
        draft=replace(
            draft,
            problems=tuple(sentence for sentence, true in sentences if true),
            details={**draft.details, "from": kind},
        ),
    )
