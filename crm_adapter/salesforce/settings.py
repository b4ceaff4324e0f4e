"""The keys of the adapter ``salesforce``, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.guard import Guard
from crm_adapter.jsonclient import JsonClient, guard_for
from crm_adapter.oauth import RotatingTokens
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options
from crm_adapter.salesforce.adapter import Names, Salesforce
from crm_adapter.salesforce.errors import judge, judge_sign_in
from crm_adapter.salesforce.signin import ClientCredentials

VERSION = "62.0"
"""Winter '25; every release keeps the older ones for years."""
RATE = 10.0
"""Requests a second. Salesforce counts by the day; this leaves room for others at the same moment."""
UPLOAD_SECONDS = 50.0
"""For a recording: ten minutes of one are some ten megabytes, and the way up is slow in many an office."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``, ``client_id``, ``client_secret``, ``refresh_token``, ``version``, ``marker``, ``link``,
    ``account``, ``company``, ``rate``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    version = reader.text("version", VERSION)
    names = Names(
        marker=_field(reader, "marker", "Leadgate_Id__c"),
        link=_field(reader, "link", "Leadgate_Contact__c"),
        account=reader.text_or_none("account"),
        company=reader.text_or_none("company") or "",
    )
    if not re.fullmatch(r"[0-9]{2,3}\.0", version):
        raise BadOption("version", f"must be like {VERSION}, in quotes")
    guard = guard_for(url, context)
    sign_in = _sign_in(reader, url, guard, context, timeout)
    shared = read_record_options(reader)
    reader.finish()
    bucket = Bucket(rate, max(1, rate))

    def client(seconds: float) -> JsonClient:
        address = f"{url}/services/data/v{version}"
        return JsonClient(address, guard, sign_in=sign_in, judge=judge, bucket=bucket, timeout=seconds)

    http, uploads = client(timeout), client(max(timeout, UPLOAD_SECONDS))
    return RecordAdapter(Salesforce(http, uploads, sign_in, names, shared.fields, url=url), context, shared)


def _field(reader: Options, key: str, default: str) -> str:
    name = reader.text(key, default)
    if not _FIELD.fullmatch(name):
        raise BadOption(key, f"must be the API name of a field, as {default}")
    return name


def _sign_in(
    reader: Options, url: str, guard: Guard, context: Context, timeout: float
) -> ClientCredentials | RotatingTokens:
    client = {"client_id": reader.text("client_id"), "client_secret": reader.text("client_secret")}
    refresh = reader.text_or_none("refresh_token")
    address = f"{url}/services/oauth2/token"
    if refresh is None:
        return ClientCredentials(guard, url=address, client=client, timeout=timeout)
    return RotatingTokens(
        guard, context.vault, url=address, client=client, refresh_token=refresh, timeout=timeout, judge=judge_sign_in
    )
