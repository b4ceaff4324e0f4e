"""EspoCRM: contacts, leads, calls, letters; recordings as files of the record's stream."""

from __future__ import annotations

from crm_adapter.espocrm.settings import build

__all__ = ["build"]
