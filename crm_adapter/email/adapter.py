"""The adapter ``email``: a letter for each new lead and each missed call.

Mail knows no "exactly once": after an answer that was lost the letter is sent again. It has the same Message-ID then,
so most servers (Dovecot's and Cyrus' duplicate filter, Gmail, Exchange) and all programs show it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from crm_adapter.base import Capabilities, Context, Done, Event, Idempotency
from crm_adapter.email.letter import letter, name_of
from crm_adapter.email.settings import MailSettings, parse
from crm_adapter.email.submission import Submission
from crm_adapter.said import Said


class MailNotices:
    """One connection a letter: they are few, and a kept one would be closed by the server in between."""

    capabilities = Capabilities(leads=True, calls=True, mail=True, idempotency=Idempotency.MARKER, parallel=4)

    def __init__(self, settings: MailSettings, *, language: str = "en") -> None:
        self._settings = settings
        self._language = language
        self._submission = Submission(settings)

    async def push(self, event: Event) -> Done:
        """Send the letter; what nobody wants a letter of is done at once."""
        if not (self._settings.wants(event.type) or self._settings.wants(name_of(event))):
            return Done()
        await asyncio.to_thread(self._send, event)
        return Done()

    def _send(self, event: Event) -> None:
        """In a thread: writing the letter takes milliseconds, too."""
        self._submission.send(letter(event, self._settings, self._language))

    async def check(self) -> str:
        """Sign in, and send nothing."""
        await asyncio.to_thread(self._submission.check)
        addresses = ", ".join(self._settings.to)
        return Said("%(host)s lets us in; letters go to %(addresses)s", host=self._settings.host, addresses=addresses)

    async def close(self) -> None:
        """Nothing is kept open."""


def build(options: Mapping[str, Any], context: Context) -> MailNotices:
    """Options: ``host``, ``port``, ``tls``, ``ca_file``, ``username``, ``password``, ``from``, ``to``, ``send``,
    ``attach_event``, ``timeout``."""
    return MailNotices(parse(options, context), language=context.language)
