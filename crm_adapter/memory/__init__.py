"""A CRM in memory: the honest twin of the real ones, for tests and the demo."""

from __future__ import annotations

from crm_adapter.memory.adapter import MemoryCrm, build

__all__ = ["MemoryCrm", "build"]
