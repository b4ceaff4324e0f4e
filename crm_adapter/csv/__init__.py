"""Events as rows of CSV files, a file a day, safe to open in a spreadsheet."""

from __future__ import annotations

from crm_adapter.csv.adapter import build

__all__ = ["build"]
