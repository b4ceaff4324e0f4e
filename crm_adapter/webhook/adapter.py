"""One signed POST an event. The receiver recognises doubles by ``webhook-id``, which stays the same over retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from crm_adapter.base import Context, Done, Event, Misconfigured, Unavailable, utc_now
from crm_adapter.http import SETTINGS_AT_FAULT, HttpClient, raise_for_status
from crm_adapter.said import Said
from crm_adapter.webhook.settings import WebhookSettings, parse
from crm_adapter.webhook.signature import headers_for

ADDRESS_AT_FAULT = SETTINGS_AT_FAULT | {404, 405}
"""All events go to one address: where it does not exist, no event can pass."""
KEPT_OUT = Said("it does not accept the signature, or keeps us out: compare the secret on both sides")
MOVED = Said("redirects are not followed: write the new address as url")
NO_PLACE = Said("nothing takes events there: look at the path in url")
WAY_OUT: Mapping[int, Said] = {
    301: MOVED,
    308: MOVED,
    401: KEPT_OUT,
    403: KEPT_OUT,
    404: NO_PLACE,
    405: NO_PLACE,
    410: Said("the receiver wants no more events: give url another address, or take this [[crm]] out"),
}
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Webhook:
    """The adapter ``webhook``."""

    def __init__(self, settings: WebhookSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._now = now
        self._http = HttpClient(settings.guard, timeout=settings.timeout)

    async def push(self, event: Event) -> Done:
        """POST the event; any 2xx is done."""
        body = encode(event)
        headers = headers_for(event.message_id, self._now(), body, self._settings.keys)
        headers["Content-Type"] = "application/json"
        answer = await self._http.request("POST", self._settings.url, headers=headers, body=body)
        try:
            raise_for_status(answer, settings_at_fault=ADDRESS_AT_FAULT, now=self._now)
        except Misconfigured as error:
            if remedy := WAY_OUT.get(answer.status):
                words = Said("%(words)s: %(remedy)s", words=error.args[0], remedy=remedy)
                raise Misconfigured(words) from None
            raise
        return Done()

    async def check(self) -> str:
        """Ask the address with HEAD, which creates nothing. An answer below 500 shows that somebody is there."""
        answer = await self._http.request("HEAD", self._settings.url)
        if answer.status >= 500:
            status = answer.status
            raise Unavailable(
                Said("%(host)s answers, but with %(status)s: ask who runs it", host=answer.host, status=status)
            )
        if answer.status in REDIRECTS:
            words = Said("%(host)s sends us to another address", host=answer.host)
            raise Misconfigured(Said("%(words)s: %(remedy)s", words=words, remedy=MOVED))
        if answer.status == 404:
            return Said(
                "%(host)s answers, with 404 to a question without an event: fine where it knows POST only; else look "
                "at the path in url",
                host=answer.host,
            )
        return Said("%(host)s answers; whether it accepts the signature shows with the first event", host=answer.host)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(event: Event) -> bytes:
    """The body: the same bytes for each try of the same event."""
    document = {"type": event.type, "timestamp": event.timestamp.isoformat(), "data": event.data}
    return _ENCODER.encode(document).encode()


def build(options: Mapping[str, Any], context: Context) -> Webhook:
    """Options: ``url``, ``secret`` (a text or a list while it is changed), ``timeout``."""
    return Webhook(parse(options, context), now=context.now)
