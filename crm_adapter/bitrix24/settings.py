"""The keys of the adapter ``bitrix24``, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from crm_adapter.base import Context
from crm_adapter.bitrix24.adapter import Bitrix24
from crm_adapter.bitrix24.errors import judge
from crm_adapter.bitrix24.portal import Portal
from crm_adapter.bucket import Bucket
from crm_adapter.jsonclient import JsonClient, guard_for
from crm_adapter.oauth import RotatingTokens
from crm_adapter.options import BadOption, Options
from crm_adapter.recordadapter import RecordAdapter, RecordOptions, read_record_options

RATE, BURST = 2.0, 30
"""Requests a second and at once. The portal takes 2 and 50 from one address (5 and 250 on Enterprise); some of it is
left for other programs at the same address."""
OAUTH_URL = "https://oauth.bitrix24.tech/oauth/token/"
TARGETS = ("auto", "lead", "deal")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A local application's credentials."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    oauth_url: str = OAUTH_URL


def build(options: Mapping[str, Any], context: Context) -> RecordAdapter:
    """Options: ``url``; for an application ``client_id``, ``client_secret``, ``refresh_token``; ``target``, ``line``,
    ``rate``, ``timeout``, and those that all adapters for records share."""
    reader = Options(options)
    url = reader.text("url")
    app = _app(reader)
    timeout = reader.number("timeout", 30, least=0.1, most=60)
    rate = reader.number("rate", RATE, least=0.1, most=1000)
    target = reader.choice("target", "auto", TARGETS)
    line = reader.text_or_none("line")
    shared = read_record_options(reader)
    reader.finish()
    _check_ids(shared)
    guard = guard_for(url, context)
    if app is None and "/rest/" not in urlsplit(url).path:
        raise BadOption(
            "url", "must be the whole address of the incoming webhook, as https://example.bitrix24.ru/rest/1/abc.../"
        )
    base = f"{url.partition('/rest')[0].rstrip('/')}/rest" if app else url
    http = JsonClient(base, guard, bucket=Bucket(rate, max(BURST, rate)), timeout=timeout)
    tokens = _tokens(app, context, timeout) if app else None
    return RecordAdapter(Bitrix24(Portal(http, tokens), target=target, line=line, shared=shared), context, shared)


def _app(reader: Options) -> App | None:
    keys = {key: reader.text_or_none(key) for key in ("client_id", "client_secret", "refresh_token")}
    oauth_url = reader.text("oauth_url", OAUTH_URL)
    if not any(keys.values()):
        return None
    for key, value in keys.items():
        if value is None:
            raise BadOption(key, "is missing: a local application needs client_id, client_secret and refresh_token")
    return App(**{key: value or "" for key, value in keys.items()}, oauth_url=oauth_url)


def _tokens(app: App, context: Context, timeout: float) -> RotatingTokens:
    return RotatingTokens(
        guard_for(app.oauth_url, context, "oauth_url"),
        context.vault,
        url=app.oauth_url,
        client={"client_id": app.client_id, "client_secret": app.client_secret},
        refresh_token=app.refresh_token,
        timeout=timeout,
        judge=judge,
        signed=lambda token: {"auth": token},
    )


def _check_ids(shared: RecordOptions) -> None:
    for key, user_id in (("default_user", shared.default_user), *((f"users.{k}", v) for k, v in shared.users.items())):
        if user_id is not None and not user_id.isdigit():
            raise BadOption(key, "must be the number of a user, as in the address of the user's page")
