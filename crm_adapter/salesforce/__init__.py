"""Salesforce by its REST API, with external ids."""

from __future__ import annotations

from crm_adapter.salesforce.adapter import Salesforce
from crm_adapter.salesforce.settings import build

__all__ = ["Salesforce", "build"]
