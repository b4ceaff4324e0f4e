"""What a far side that is told of events has, in the words of the contract for records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any


def shown_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """``documents``: ``{"type", "data"}`` of each event once, the oldest first."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in documents:
        by_type[one["type"]].append(one["data"])
    calls = [{"number": one["details"]["caller"], "seconds": round(one["details"]["talk_seconds"] or 0)}
             for one in by_type["call.finished"]]  # fmt: skip
    texts = {one["id"]: one["text"] for one in [*by_type["lead.created"], *by_type["lead.updated"]]}
    return {"contact": [{"phones": one["contact"]["phones"]} for one in by_type["lead.created"]],
            "lead": [{"text": text} for text in texts.values()], "call": calls,
            "mail": by_type["email.received"], "form": by_type["form.received"]}  # fmt: skip
