"""Letters and notices in the composition: how senders sign in, how messengers are reached, which parts there are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from crm_adapter.base import CrmError, Misconfigured, Rejected, Throttled
from crm_adapter.guard import Guard
from crm_adapter.http import SETTINGS_AT_FAULT, HttpClient, raise_for_status
from gateway.config.settings import Settings
from gateway.core.clock import Clock, NewId
from gateway.core.ports import Sink
from gateway.delivery.crmwords import crm_trouble
from gateway.mail.identity import letter_digest
from gateway.mail.oauth.tokens import AccessTokens, TokenDead, TokenError, tokens_of
from gateway.mail.settings import MailboxSettings
from gateway.outgoing.acknowledge import Acknowledger
from gateway.outgoing.answers import AnswerDesk
from gateway.outgoing.claims import Senders
from gateway.outgoing.history import History
from gateway.outgoing.notices import NoticeRules
from gateway.outgoing.settings import NoticesSettings, SenderSettings, default_sender
from gateway.outgoing.submission import Credentials, Later, Refused, SenderAtFault
from gateway.outgoing.worker import OutgoingWorker
from gateway.storage.store import Store
from gateway.web.api.letters import LetterDesk, Letters


class GuardedPoster:
    """Implements ``outgoing.worker.Poster`` with the client and the guard that CRMs are reached through."""

    def __init__(self, settings: NoticesSettings) -> None:
        host = urlsplit(settings.webhook_url).hostname or ""
        self._client = HttpClient(Guard([host] if settings.allow_private else ()))

    async def post(self, url: str, body: bytes) -> None:
        """See ``Poster``. The errors name the host, never the whole address: with messengers that is a secret."""
        try:
            answer = await self._client.request("POST", url, headers={"Content-Type": "application/json"}, body=body)
            raise_for_status(answer, settings_at_fault=SETTINGS_AT_FAULT | {404})  # a wrong token: no such bot
        except Misconfigured as error:
            raise SenderAtFault("[notices] webhook_url: %(words)s", words=crm_trouble(error)) from None
        except Throttled as error:
            raise Later(crm_trouble(error), retry_after=error.retry_after) from None
        except Rejected as error:
            raise Refused(crm_trouble(error)) from None
        except CrmError as error:
            raise Later(crm_trouble(error)) from None

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class SigningIn:
    """How each sender signs in: with its own password, or as the mailbox that it names."""

    mailboxes: dict[str, MailboxSettings]
    tokens: dict[str, AccessTokens]
    """Mailbox -> its tokens, of those that sign in with OAuth2."""

    @staticmethod
    def of(settings: Settings, clock: Clock) -> SigningIn:
        """From the configuration."""
        tokens = {mailbox.name: tokens_of(mailbox, settings.data, clock) for mailbox in settings.mailbox}
        found = {name: tokens for name, tokens in tokens.items() if tokens is not None}
        return SigningIn({mailbox.name: mailbox for mailbox in settings.mailbox}, found)

    async def credentials(self, sender: SenderSettings) -> Credentials | None:
        """``outgoing.worker.SignIn``."""
        if not sender.mailbox:
            return Credentials(username=sender.username, password=sender.password) if sender.username else None
        mailbox = self.mailboxes.get(sender.mailbox)
        if mailbox is None:
            raise SenderAtFault(
                "[[sender]] %(name)s names the mailbox %(mailbox)r, which there is not",
                name=sender.name,
                mailbox=sender.mailbox,
            )
        tokens = self.tokens.get(sender.mailbox)
        if tokens is None:
            return Credentials(username=mailbox.username, password=mailbox.password)
        try:
            token, _ = await asyncio.to_thread(tokens.current)
        except TokenDead as error:
            raise SenderAtFault(error.sentence) from None
        except TokenError as error:
            raise Later(error.sentence) from None
        return Credentials(username=mailbox.username, token=token)


def senders_of(settings: Settings) -> Senders:
    """The configured senders."""
    return Senders(by_name={sender.name: sender for sender in settings.sender}, default=default_sender(settings.sender))


def make_worker(
    settings: Settings, store: Store, sink: Sink, clock: Clock, new_id: NewId, *, private_address: str
) -> OutgoingWorker:
    """The part that sends. ``private_address``: where people come in when the configuration does not say."""
    senders = senders_of(settings)
    notices = settings.notices
    return OutgoingWorker(
        store=store,
        clock=clock,
        new_id=new_id,
        senders=senders,
        notices=NoticeRules(
            settings=notices,
            has_sender=senders.find(notices.sender or None) is not None,
            base_url=(notices.base_url or private_address).rstrip("/"),
            language=settings.gateway.language,
        ),
        history=History(sink, store, clock, letter_digest),
        sign_in=SigningIn.of(settings, clock).credentials,
        poster=GuardedPoster(notices),
        keep=settings.retention.keep,
    )


def make_acknowledger(settings: Settings, own_addresses: tuple[str, ...]) -> Acknowledger:
    """The part that says that a request arrived, where it is configured."""
    return Acknowledger(
        rules=settings.acknowledgement,
        senders=senders_of(settings),
        own_addresses=own_addresses,
        own_domains=settings.gateway.own_domains,
        language=settings.gateway.language,
    )


def letter_desk(settings: Settings, store: Store, letters: Letters) -> LetterDesk:
    """The operations of the API about letters."""
    desk = AnswerDesk(senders_of(settings), language=settings.gateway.language)
    return LetterDesk(store, desk, letters)
