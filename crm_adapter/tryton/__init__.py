"""Tryton 8: parties, opportunities, and notes for calls, letters and forms."""

from __future__ import annotations

from crm_adapter.tryton.settings import build

__all__ = ["build"]
