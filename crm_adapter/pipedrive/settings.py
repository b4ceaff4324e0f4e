"""The keys of the adapter ``pipedrive``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.ids import check_user_ids
from crm_adapter.jsonclient import FixedHeaders, JsonClient, guard_for
from crm_adapter.options import Options
from crm_adapter.pipedrive.adapter import Pipedrive
from crm_adapter.pipedrive.errors import judge
from crm_adapter.recordadapter import RecordAdapter, read_record_options

RATE = 4.0
"""Requests a second; the smallest plan takes 20 in two seconds, and 10 searches."""


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``token``, ``rate``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    token = reader.text("token")
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    check_user_ids(shared)
    http = JsonClient(
        url,
        guard_for(url, context),
        sign_in=FixedHeaders({"x-api-token": token}),
        judge=judge,
        bucket=Bucket(rate, max(1, rate)),
        timeout=timeout,
    )
    return RecordAdapter(Pipedrive(http, shared.fields, language=context.language), context, shared)
