"""The mailboxes of a running gateway: what reads them, put together."""

from __future__ import annotations

from functools import cache

from gateway.app.datafolder import identity_of
from gateway.capture.cursors import StoredCursors
from gateway.capture.leases import StoredLeases
from gateway.capture.sightings import StoredSightings
from gateway.config.settings import Settings
from gateway.core.clock import Clock, NewId
from gateway.core.ports import Sink
from gateway.mail.imap.connector import MailboxConnector
from gateway.mail.oauth.tokens import tokens_of
from gateway.storage.store import Store


def mailboxes_of(settings: Settings, store: Store, sink: Sink, clock: Clock, new_id: NewId) -> list[MailboxConnector]:
    """A connector for each ``[[mailbox]]``. All of one gateway hold their leases under one id."""
    leases = StoredLeases(store, cache(lambda: identity_of(settings.data, new_id)))
    return [
        MailboxConnector(
            mailbox,
            sink,
            StoredCursors(store, clock),
            clock,
            tokens=tokens_of(mailbox, settings.data, clock),
            sightings=StoredSightings(store),
            leases=leases,
        )
        for mailbox in settings.mailbox
    ]
