"""The adapters by name: one line each. Other packages add theirs as entry points in ``leadgate.crm_adapters``."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from crm_adapter.base import Build

ENTRY_POINTS = "leadgate.crm_adapters"

BUILT_IN = MappingProxyType(
    {
        "amocrm": "crm_adapter.amocrm:build",
        "bitrix24": "crm_adapter.bitrix24:build",
        "csv": "crm_adapter.csv:build",
        "email": "crm_adapter.email:build",
        "espocrm": "crm_adapter.espocrm:build",
        "hubspot": "crm_adapter.hubspot:build",
        "jsonl": "crm_adapter.jsonl:build",
        "memory": "crm_adapter.memory:build",
        "odoo": "crm_adapter.odoo:build",
        "pipedrive": "crm_adapter.pipedrive:build",
        "salesforce": "crm_adapter.salesforce:build",
        "suitecrm": "crm_adapter.suitecrm:build",
        "tryton": "crm_adapter.tryton:build",
        "webhook": "crm_adapter.webhook:build",
        "zoho": "crm_adapter.zoho:build",
    }
)


class UnknownAdapter(LookupError):
    """No adapter has this name. The sentence lists those there are."""


def names() -> list[str]:
    """All adapters that can be configured here, sorted."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))})


def find(name: str) -> Build:
    """The adapter's ``build``. A built-in name can't be taken over by a third party. Raises UnknownAdapter."""
    if target := BUILT_IN.get(name):
        module, _, attribute = target.partition(":")
        build: Build = getattr(importlib.import_module(module), attribute)
        return build
    for point in entry_points(group=ENTRY_POINTS, name=name):
        return _load(point)
    near = difflib.get_close_matches(name, names(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names())}"
    raise UnknownAdapter(f"there is no CRM adapter {name!r}; {hint}")


def _load(point: EntryPoint) -> Build:
    build: Build = point.load()
    return build
