"""The keys of the adapter ``zoho``, and how it is put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.guard import Guard
from crm_adapter.ids import check_user_ids
from crm_adapter.jsonclient import JsonClient, guard_for
from crm_adapter.oauth import RotatingTokens
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options
from crm_adapter.zoho.adapter import Names, Zoho
from crm_adapter.zoho.errors import judge, judge_sign_in

REGIONS = MappingProxyType(
    {
        "com": ("https://www.zohoapis.com", "https://accounts.zoho.com"),
        "eu": ("https://www.zohoapis.eu", "https://accounts.zoho.eu"),
        "in": ("https://www.zohoapis.in", "https://accounts.zoho.in"),
        "com.au": ("https://www.zohoapis.com.au", "https://accounts.zoho.com.au"),
        "jp": ("https://www.zohoapis.jp", "https://accounts.zoho.jp"),
        "ca": ("https://www.zohoapis.ca", "https://accounts.zohocloud.ca"),
        "sa": ("https://www.zohoapis.sa", "https://accounts.zoho.sa"),
        "uk": ("https://www.zohoapis.uk", "https://accounts.zoho.uk"),
        "ae": ("https://www.zohoapis.ae", "https://accounts.zoho.ae"),
        "com.cn": ("https://www.zohoapis.com.cn", "https://accounts.zoho.com.cn"),
    }
)
"""The data centres ("Multi DC"): where the API is, and where tokens are given out. An account lives in one."""
RATE = 5.0
"""Requests a second; Zoho counts those under way at once (5 to 25) and credits by the day."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``region`` (or ``url`` and ``accounts_url``), ``client_id``, ``client_secret``, ``refresh_token``,
    ``marker``, ``link``, ``company``, ``rate``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    region = reader.choice("region", "com", tuple(REGIONS))
    url = reader.text("url", REGIONS[region][0]).rstrip("/")
    accounts = reader.text("accounts_url", REGIONS[region][1]).rstrip("/")
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    names = Names(
        marker=_field(reader, "marker", "Leadgate_ID"),
        link=_field(reader, "link", "Leadgate_Contact"),
        company=reader.text_or_none("company") or "",
    )
    guard = guard_for(url, context)
    sign_in = _sign_in(reader, accounts, guard_for(accounts, context, "accounts_url"), context, timeout)
    shared = read_record_options(reader)
    reader.finish()
    check_user_ids(shared)
    bucket = Bucket(rate, max(1, rate))
    http = JsonClient(f"{url}/crm/v8", guard, sign_in=sign_in, judge=judge, bucket=bucket, timeout=timeout)
    return RecordAdapter(Zoho(http, sign_in, names, shared.fields), context, shared)


def _field(reader: Options, key: str, default: str) -> str:
    name = reader.text(key, default)
    if not _FIELD.fullmatch(name):
        raise BadOption(key, f"must be the API name of a field, as {default}")
    return name


def _sign_in(reader: Options, accounts: str, guard: Guard, context: Context, timeout: float) -> RotatingTokens:
    """Zoho's refresh token does not change with use; the access token is kept over restarts, since only ten are given
    out in ten minutes."""
    return RotatingTokens(
        guard,
        context.vault,
        url=f"{accounts}/oauth/v2/token",
        client={"client_id": reader.text("client_id"), "client_secret": reader.text("client_secret")},
        refresh_token=reader.text("refresh_token"),
        timeout=timeout,
        judge=judge_sign_in,
        signed=lambda token: {"Authorization": f"Zoho-oauthtoken {token}"},
    )
