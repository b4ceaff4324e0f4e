"""Pipedrive: persons, leads, activities for calls, notes for letters and forms."""

from __future__ import annotations

from crm_adapter.pipedrive.settings import build

__all__ = ["build"]
