"""Events as lines of JSON in files, a file a day."""

from __future__ import annotations

from crm_adapter.jsonl.adapter import build

__all__ = ["build"]
