"""The keys of the adapter ``amocrm``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_adapter.amocrm.adapter import AmoCrm
from crm_adapter.amocrm.errors import judge
from crm_adapter.base import Context
from crm_adapter.bucket import Bucket
from crm_adapter.guard import Guard
from crm_adapter.jsonclient import FixedHeaders, JsonClient, SignIn, guard_for
from crm_adapter.oauth import RotatingTokens
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, read_record_options

RATE = 5.0
"""Requests a second; amoCRM takes 7 of an integration, and blocks who goes on above that."""


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``; ``token`` or ``client_id``, ``client_secret``, ``refresh_token``, ``redirect_uri``; ``intake``,
    ``pipeline``, ``rate``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    url = reader.text("url").rstrip("/")
    timeout = reader.number("timeout", 20, least=0.1, most=60)
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    intake = reader.choice("intake", "leads", ("leads", "unsorted"))
    pipeline = int(reader.number("pipeline", 0, least=0, most=1 << 53)) or None
    guard = guard_for(url, context)
    sign_in = _sign_in(reader, url, guard, context, timeout)
    shared = read_record_options(reader)
    reader.finish()
    for key, user_id in (("default_user", shared.default_user), *((f"users.{k}", v) for k, v in shared.users.items())):
        if user_id is not None and not user_id.isdigit():
            raise BadOption(key, "must be the number of a user")
    http = JsonClient(url, guard, sign_in=sign_in, judge=judge, bucket=Bucket(rate, max(1, rate)), timeout=timeout)
    crm = AmoCrm(http, sign_in, intake=intake, pipeline=pipeline, shared=shared)
    return RecordAdapter(crm, context, shared)


def _sign_in(reader: Options, url: str, guard: Guard, context: Context, timeout: float) -> SignIn:
    token = reader.text_or_none("token")
    keys = {key: reader.text_or_none(key) for key in ("client_id", "client_secret", "refresh_token", "redirect_uri")}
    if token is not None:
        return FixedHeaders({"Authorization": f"Bearer {token}"})
    for key, value in keys.items():
        if value is None:
            raise BadOption(key, "is missing: give token (a long-lived one), or all four keys of an OAuth integration")
    client = {key: str(keys[key]) for key in ("client_id", "client_secret", "redirect_uri")}
    return RotatingTokens(
        guard,
        context.vault,
        url=f"{url}/oauth2/access_token",
        client=client,
        refresh_token=str(keys["refresh_token"]),
        timeout=timeout,
        judge=judge,
        as_json=True,
    )
