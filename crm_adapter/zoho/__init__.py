"""Zoho CRM by its REST API, version 8."""

from __future__ import annotations

from crm_adapter.zoho.adapter import Zoho
from crm_adapter.zoho.settings import build

__all__ = ["Zoho", "build"]
