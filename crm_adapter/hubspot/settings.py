"""The keys of the adapter ``hubspot``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.hubspot.adapter import HubSpot
from crm_adapter.hubspot.errors import judge
from crm_adapter.ids import check_user_ids
from crm_adapter.jsonclient import FixedHeaders, JsonClient, guard_for
from crm_adapter.options import Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options

RATE = 8.0
"""Requests a second; HubSpot takes 100 in ten seconds of one app or key on the free and starter plans."""
SEARCHES = 0.5
"""Of the requests of a second; HubSpot takes five searches of an account, whoever asks."""


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``token``, ``pipeline``, ``stage``, ``portal``, ``url``, ``rate``, ``timeout``, and those that all
    adapters for records share."""
    reader = Options(options)
    url = reader.text("url", "https://api.hubapi.com").rstrip("/")
    token = reader.text("token")
    pipeline, stage = reader.text("pipeline", "default"), reader.text("stage", "appointmentscheduled")
    portal = reader.text_or_none("portal")
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    check_user_ids(shared)
    http = JsonClient(
        url,
        guard_for(url, context),
        sign_in=FixedHeaders({"Authorization": f"Bearer {token}"}),
        judge=judge,
        bucket=Bucket(rate, max(1, rate)),
        timeout=timeout,
    )
    searches = Bucket(rate * SEARCHES)
    crm = HubSpot(http, shared.fields, pipeline=pipeline, stage=stage, portal=portal, token=token, searches=searches)
    return RecordAdapter(crm, context, shared)
