"""The adapter ``jsonl``: one JSON document a line (https://jsonlines.org), whole events as the webhook sends them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context, Event
from crm_adapter.files import DayFiles, read_settings
from crm_adapter.options import Options

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class JsonLines:
    """Implements ``files.Format``."""

    suffix = ".jsonl"
    head = b""

    def line(self, event: Event) -> bytes:
        """``message_id``, ``type``, ``timestamp``, ``data``."""
        document = {
            "message_id": event.message_id,
            "type": event.type,
            "timestamp": event.timestamp.isoformat(),
            "data": event.data,
        }
        return _ENCODER.encode(document).encode("utf-8", "replace") + b"\n"

    def message_id(self, line: bytes) -> str | None:
        """None for a line of somebody else."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return str(found["message_id"]) if isinstance(found, dict) and "message_id" in found else None

    def text(self, line: bytes) -> str:
        """The line as it is."""
        return line.decode("utf-8", "replace")


def build(options: Mapping[str, Any], context: Context) -> DayFiles:  # noqa: ARG001 - every adapter's signature
    """Options: ``folder``, ``prefix``, ``timezone``, ``timeout``."""
    reader = Options(options)
    settings = read_settings(reader)
    reader.finish()
    return DayFiles(settings, JsonLines())
