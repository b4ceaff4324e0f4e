"""Events as letters to an address, for those who have no CRM."""

from __future__ import annotations

from crm_adapter.email.adapter import MailNotices, build

__all__ = ["MailNotices", "build"]
