"""The keys of the adapter ``espocrm``, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.espocrm.adapter import EspoCrm, Names
from crm_adapter.espocrm.api import EspoApi
from crm_adapter.jsonclient import JsonClient, guard_for
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options

RATE = 20.0
"""Requests a second. EspoCRM has no limit of its own: this is kindness to a small server."""
_FIELD = re.compile(r"[a-z][A-Za-z0-9]*")


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``api_key``, ``secret`` (for HMAC), ``marker``, ``link``, ``rate``, ``timeout``, and those that
    all adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    api_key, secret = reader.text("api_key"), reader.text_or_none("secret")
    names = Names(marker=_field(reader, "marker", "cLeadgateId"), link=_field(reader, "link", "cLeadgateContact"))
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    bucket = Bucket(rate, max(1, rate))
    http = JsonClient(f"{url}/api/v1", guard_for(url, context), bucket=bucket, timeout=timeout)
    api = EspoApi(http, api_key=api_key, secret=secret)
    return RecordAdapter(EspoCrm(api, names, shared, url=url), context, shared)


def _field(reader: Options, key: str, default: str) -> str:
    name = reader.text(key, default)
    if not _FIELD.fullmatch(name):
        raise BadOption(key, f"must be the name of a field as Entity Manager shows it, as {default}")
    return name
