"""The keys of the adapter ``suitecrm``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.jsonclient import JsonClient, guard_for
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options
from crm_adapter.suitecrm.adapter import SuiteCrm
from crm_adapter.suitecrm.api import SuiteApi
from crm_adapter.suitecrm.bodies import PHONES
from crm_adapter.suitecrm.errors import judge
from crm_adapter.suitecrm.signin import ClientCredentials

RATE = 20.0
"""Requests a second. SuiteCRM has no limit of its own: this is kindness to a small server."""


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``client_id``, ``client_secret``, ``phones``, ``rate``, ``timeout``, and those that all
    adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    client_id, client_secret = reader.text("client_id"), reader.text("client_secret")
    phones = reader.texts("phones") if "phones" in options else PHONES
    if unknown := [one for one in phones if one not in PHONES]:
        raise BadOption("phones", f"has {unknown[0]}, no phone field of contacts; there are: {', '.join(PHONES)}")
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    shared = read_record_options(reader)
    reader.finish()
    guard = guard_for(url, context)
    sign_in = ClientCredentials(
        guard, url=f"{url}/Api/access_token", client_id=client_id, client_secret=client_secret, timeout=timeout
    )
    bucket = Bucket(rate, max(1, rate))
    http = JsonClient(f"{url}/Api/V8", guard, sign_in=sign_in, judge=judge, bucket=bucket, timeout=timeout)
    return RecordAdapter(SuiteCrm(SuiteApi(http, sign_in), shared, url=url, phones=phones), context, shared)
