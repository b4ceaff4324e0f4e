"""Events as signed HTTP requests to any program: https://www.standardwebhooks.com."""

from __future__ import annotations

from crm_adapter.webhook.adapter import Webhook, build

__all__ = ["Webhook", "build"]
