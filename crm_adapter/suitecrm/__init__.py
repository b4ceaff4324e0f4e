"""SuiteCRM 7 and 8: contacts, leads, calls and notes by the V8 API; recordings as files of notes."""

from __future__ import annotations

from crm_adapter.suitecrm.settings import build

__all__ = ["build"]
