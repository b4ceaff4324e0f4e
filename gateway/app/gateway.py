"""The composition root, the only file that knows every room: builds the parts, starts them in order, stops them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gateway import __version__
from gateway.app.datafolder import DataFolder
from gateway.app.services import Storeys
from gateway.app.status import StatusBoard
from gateway.app.upkeep import Upkeep
from gateway.capture.cursors import StoredCursors
from gateway.capture.opencalls import StoredOpenCalls
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.config.settings import Settings
from gateway.core.address import email_handle
from gateway.core.clock import Clock, NewId
from gateway.core.phone import phone_handle
from gateway.core.placement import Event
from gateway.core.ports import Source
from gateway.core.types import Handle
from gateway.delivery import outbox
from gateway.delivery.worker import DeliveryWorker
from gateway.live.hub import Hub
from gateway.mail.imap.connector import MailboxConnector
from gateway.mail.imap.letters import MailboxInterpreter
from gateway.mail.interpreter import MailInterpreter
from gateway.mail.smtp.listener import SmtpListener
from gateway.processing.step import Rules
from gateway.processing.worker import ProcessingWorker
from gateway.routing.calendars import Schedules
from gateway.storage.migrations import upgrade
from gateway.storage.store import Store
from gateway.telephony.connector import PbxConnector
from gateway.telephony.history.backfill import Backfill
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.sources import logs_of
from gateway.telephony.lines import LineRules
from gateway.telephony.settings import PbxSettings
from gateway.telephony.tracker import CallTracker
from gateway.web.accounts import Accounts
from gateway.web.server import WebServer
from gateway.web.settings import LocaleSettings
from gateway.webforms.intake import FormIntake
from gateway.webforms.routes import routes as form_routes

log = logging.getLogger(__name__)

SPOOL_FOLDER = "spool"
FORMS_KEY_FILE = "forms.key"
FIRST_LOGIN = "admin"


class Gateway:
    """One running Leadgate, a Service. Everything that it does not own (clock, ids) is passed in."""

    def __init__(self, settings: Settings, clock: Clock, new_id: NewId) -> None:
        self.settings = settings
        self._clock = clock
        self._new_id = new_id
        self._folder = DataFolder(settings.data)
        self.store = Store.open(settings.storage, settings.data)
        self.hub = Hub()
        self.sink = self._make_sink()
        self.delivery = DeliveryWorker(store=self.store, clock=clock, crms=settings.crm)
        self.letters = MailInterpreter(
            region=settings.gateway.region,
            own_addresses=self._own_addresses(),
            own_domains=settings.gateway.own_domains,
        )
        where = settings.gateway
        self.schedules = Schedules.of(settings.hours, timezone=where.timezone, region=where.region)
        self.processing = self._make_processing()
        self.forms = FormIntake(
            settings.form,
            self.sink,
            clock,
            region=settings.gateway.region,
            key_file=settings.data / FORMS_KEY_FILE,
            cursors=StoredCursors(self.store, clock),
        )
        self.smtp = SmtpListener(settings.smtp, self.sink, clock) if settings.smtp.enabled else None
        self.mailboxes = [
            MailboxConnector(mailbox, self.sink, StoredCursors(self.store, clock), clock)
            for mailbox in settings.mailbox
        ]
        self.pbxs = [part for pbx in settings.pbx for part in self._make_pbx(pbx)]
        sources: list[Source] = [self.forms, *([self.smtp] if self.smtp else []), *self.mailboxes, *self.pbxs]
        self.status = StatusBoard(
            store=self.store, spool=self.sink.spool, delivery=self.delivery, sources=sources, clock=clock
        )
        self.web = self._make_web()
        self._storeys = self._stack(sources)

    async def start(self) -> None:
        """Raises a LeadgateError whose sentence names what is wrong and the way out; nothing is left running then."""
        await self._folder.start()
        try:
            self._upgrade()
            await self._storeys.start()
        except BaseException:
            await self._folder.stop()
            raise
        for sentence in self.store.warnings():
            log.warning("%s", sentence, extra={"action": "durability_warning"})

    async def stop(self) -> None:
        """Take nothing new, end what was begun, close."""
        await self._storeys.stop()
        await self._folder.stop()

    async def first_sign_in(self) -> str | None:
        """The address at which the first password is set; None once somebody has one."""
        accounts = Accounts(self.store, self._clock, self._new_id, self.web.passwords)
        lifetime = timedelta(hours=self.settings.web.setup_link_hours)
        path = await accounts.first_setup_link(FIRST_LOGIN, lifetime)
        return f"{self.web.private_address}{path}" if path else None

    def _upgrade(self) -> None:
        done = upgrade(self.settings.storage, self.settings.data)
        if done.changed:
            log.info(
                "The database was brought to the schema of this version.",
                extra={"action": "upgraded", "before": done.before, "after": done.after},
            )

    def _stack(self, sources: Sequence[Source]) -> Storeys:
        """Who stands on whom. Connectors and pages are on top: they stop first, and together."""
        mouths = [(health.name, source) for source in sources for health in source.health()[:1]]
        return Storeys(
            [
                [("store", self.store)],
                [("capture", self.sink)],
                [("delivery", self.delivery), ("upkeep", Upkeep(self.store, self._clock))],
                [("letters", self.letters)],
                [("processing", self.processing)],
                [*mouths, ("web", self.web)],
            ]
        )

    def _make_sink(self) -> DurableSink:
        return DurableSink(
            store=self.store,
            spool=Spool(self.settings.data / SPOOL_FOLDER),
            clock=self._clock,
            new_id=self._new_id,
            keep=self.settings.retention.keep,
            on_stored=lambda: self.processing.kick(),
        )

    def _make_processing(self) -> ProcessingWorker:
        return ProcessingWorker(
            store=self.store,
            interpreters={
                "smtp": self.letters,
                "imap": MailboxInterpreter(self.letters),
                "mailfile": self.letters,
            },
            rules=self._rules(),
            outgoing=self,
            clock=self._clock,
            new_id=self._new_id,
            on_processed=self._after_processing,
        )

    def _own_addresses(self) -> tuple[str, ...]:
        """The company's addresses, its mailboxes' and its people's: a letter from one of them is ours."""
        people = (person.email for person in self.settings.manager if person.email)
        mailboxes = (mailbox.address for mailbox in self.settings.mailbox if mailbox.address)
        return (*self.settings.gateway.own_addresses, *people, *mailboxes)

    def _rules(self) -> Rules:
        gateway = self.settings.gateway
        people = self.settings.manager
        numbers = [*gateway.own_numbers, *(person.mobile for person in people if person.mobile)]
        found: list[Handle | None] = [phone_handle(number, gateway.region) for number in numbers]
        found += [email_handle(address) for address in self._own_addresses()]
        return Rules(
            own_handles=frozenset(handle for handle in found if handle is not None),
            own_domains=frozenset(gateway.own_domains),
            open_for_outbound=self.settings.leads.open_for_outbound,
            history=self.settings.leads.history,
            keep=self.settings.retention.keep,
            calendar=self.schedules,
        )

    def wants_any(self) -> bool:
        """``processing.step.Outgoing``: whether a CRM is configured."""
        return bool(self.settings.crm)

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """``processing.step.Outgoing``: into the outbox of each CRM that wants the event."""
        keep = self.settings.retention.keep
        outbox.enqueue(
            connection,
            self.settings.crm,
            event_type=event.type,
            order_key=event.order_key,
            data=event.data,
            at=at,
            new_id=self._new_id,
            lead_id=event.lead_id,
            interaction_id=event.interaction_id,
            keep_until=at + keep if keep else None,
        )

    def _after_processing(self) -> None:
        self.hub.publish()
        self.delivery.kick()

    def _make_pbx(self, pbx: PbxSettings) -> list[Source]:
        """The connector, and what reads the PBX's own logs where they are configured."""
        region, live = self.settings.gateway.region, LiveCalls()
        lines = LineRules(trunks=pbx.trunks, trunk_contexts=pbx.trunk_contexts, internal_contexts=pbx.internal_contexts)
        backfill = Backfill(
            pbx.name,
            logs_of(pbx, ZoneInfo(self.settings.gateway.timezone)),
            self.sink,
            StoredCursors(self.store, self._clock),
            self._clock,
            lines=lines,
            region=region,
            live=live,
        )
        connector = PbxConnector(
            pbx,
            self.sink,
            lambda: CallTracker(lines=lines, region=region),
            self._clock,
            region,
            open_calls=StoredOpenCalls(self.store),
            live=live,
            on_connected=backfill.kick,
        )
        return [connector, backfill] if backfill.has_logs else [connector]

    def _make_web(self) -> WebServer:
        gateway = self.settings.gateway
        return WebServer(
            settings=self.settings.web,
            locale=LocaleSettings(region=gateway.region, timezone=gateway.timezone, language=gateway.language),
            store=self.store,
            hub=self.hub,
            status=self.status,
            clock=self._clock,
            version=__version__,
            form_routes=form_routes(self.forms, language=gateway.language),
            recordings={pbx.name: pbx.recordings for pbx in self.settings.pbx if pbx.recordings},
        )
