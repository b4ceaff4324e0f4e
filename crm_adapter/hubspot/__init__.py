"""HubSpot: contacts, deals, and calls, emails and notes on their timelines."""

from __future__ import annotations

from crm_adapter.hubspot.settings import build

__all__ = ["build"]
