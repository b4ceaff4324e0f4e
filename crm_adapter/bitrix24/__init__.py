"""Bitrix24, cloud and self-hosted: leads or deals, contacts, calls, letters and forms."""

from __future__ import annotations

from crm_adapter.bitrix24.settings import build

__all__ = ["build"]
