"""amoCRM and Kommo, API v4: contacts, leads or the unsorted inbox, calls, letters and forms."""

from __future__ import annotations

from crm_adapter.amocrm.settings import build

__all__ = ["build"]
