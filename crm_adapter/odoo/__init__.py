"""Odoo 14 to 19: partners, leads or opportunities, and their chatter."""

from __future__ import annotations

from crm_adapter.odoo.settings import build

__all__ = ["build"]
