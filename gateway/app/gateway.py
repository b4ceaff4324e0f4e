"""The composition root, the only file that knows every room: builds the parts, starts them in order, stops them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gateway import __version__
from gateway.app.callbacks import CallbackParts
from gateway.app.clockcare import ClockCare
from gateway.app.company import company_words, masker_of, own_addresses, rules_of
from gateway.app.crm import make_delivery
from gateway.app.crmoutbox import CrmOutbox
from gateway.app.crmowners import crm_owners
from gateway.app.datafolder import DataFolder
from gateway.app.fetching import LetterFetcher
from gateway.app.files import AllFiles
from gateway.app.forms import SpamDesk, delivery_log, file_keeper
from gateway.app.leadwork import LeadWork
from gateway.app.mailalarms import MailAlarms
from gateway.app.mailboxes import mailboxes_of
from gateway.app.outgoing import letter_desk, make_acknowledger, make_worker
from gateway.app.pages import lead_parts, pages
from gateway.app.recordingnews import RecordingFollower, RecordingWatch
from gateway.app.redirect import make_redirects
from gateway.app.removal import RecordingRemoval, places_of
from gateway.app.routing import RoutingParts, Staff
from gateway.app.services import Storeys
from gateway.app.settingspages import settings_parts
from gateway.app.standingalarms import StandingAlarms
from gateway.app.status import StatusBoard
from gateway.app.summary import DailySummary
from gateway.app.upkeep import Upkeep
from gateway.capture.cursors import StoredCursors
from gateway.capture.opencalls import StoredOpenCalls
from gateway.capture.outcalls import OutcallFollower, StoredOutcalls
from gateway.capture.room import Room
from gateway.capture.sink import DurableSink
from gateway.capture.spool import Spool
from gateway.config.settings import Settings
from gateway.core.clock import Clock, NewId
from gateway.core.placement import Event
from gateway.core.ports import AlarmSource, Source
from gateway.live.hub import Hub
from gateway.mail.imap.letters import MailboxInterpreter
from gateway.mail.interpreter import MailInterpreter
from gateway.mail.smtp.handler import LMTP
from gateway.mail.smtp.listener import SmtpListener
from gateway.outgoing.history import CONNECTOR as OUTGOING
from gateway.outgoing.history import SentInterpreter
from gateway.outgoing.threads import SentFollower
from gateway.processing.step import Rules
from gateway.processing.worker import ProcessingWorker
from gateway.routing.follow import RoutingFollower
from gateway.storage.migrations import upgrade
from gateway.storage.store import Store
from gateway.telephony.actions import CallingPbx, Originator, Switch
from gateway.telephony.connector import PbxConnector
from gateway.telephony.history.backfill import Backfill
from gateway.telephony.history.live import LiveCalls
from gateway.telephony.history.sources import logs_of
from gateway.telephony.settings import PbxSettings
from gateway.telephony.tracker import CallTracker
from gateway.web.accounts import Accounts
from gateway.web.api.calls import call_writes
from gateway.web.api.deliveries import delivery_writes
from gateway.web.pages.settings.parts import SettingsParts
from gateway.web.server import WebServer
from gateway.web.settings import LocaleSettings
from gateway.web.vault import Vault
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
        self._crms = CrmOutbox(settings, new_id)
        self.store = Store.open(settings.storage, settings.data)
        self.hub = Hub()
        self.sink = self._make_sink()
        self.delivery = make_delivery(settings, self.store, clock)
        self.letters = MailInterpreter(
            region=settings.gateway.region,
            own_addresses=self._own_addresses(),
            own_domains=settings.gateway.own_domains,
            trusted=settings.gateway.mail_servers,
        )
        self.crm_owners = crm_owners(self.delivery, clock)
        self.routing = RoutingParts(settings, self.store, clock, self.crm_owners)
        self.schedules = self.routing.schedules
        self.assigner = self.routing.assigner
        self.deliveries = delivery_log(self.store, clock, settings)
        self.files = file_keeper(self.store, clock, settings.data)
        private = f"http://{settings.web.private}"
        self.post = make_worker(settings, self.store, self.sink, clock, new_id, private_address=private)
        self.callbacks = self._make_callbacks()
        self.leadwork = self._make_leadwork()
        self.processing = self._make_processing()
        self.forms = FormIntake(
            settings.form,
            self.sink,
            clock,
            region=settings.gateway.region,
            key_file=settings.data / FORMS_KEY_FILE,
            cursors=StoredCursors(self.store, clock),
            deliveries=self.deliveries,
        )
        self.smtp = SmtpListener(settings.smtp, self.sink, clock) if settings.smtp.enabled else None
        lmtp = settings.lmtp.with_limits_of(settings.smtp) if settings.lmtp.enabled else None
        self.lmtp = SmtpListener(lmtp, self.sink, clock, LMTP) if lmtp else None
        self.mailboxes = mailboxes_of(settings, self.store, self.sink, clock, new_id)
        self.connectors: dict[str, PbxConnector] = {}
        self.pbxs = [part for pbx in settings.pbx for part in self._make_pbx(pbx)]
        self.switch = Switch(self.connectors)
        self.calls = self._make_calls()
        sources: list[Source] = [self.forms, *filter(None, (self.smtp, self.lmtp)), *self.mailboxes, *self.pbxs]
        sources += self.routing.servers
        others = [source for source in sources if source not in self.mailboxes]
        standing = StandingAlarms(others, self.sink.spool, self.sink.room, clock)
        alarming: list[AlarmSource] = [*self.mailboxes, self.delivery, standing]
        self.mail_alarms = MailAlarms(alarming, self.store, clock, new_id, settings.gateway.language)
        self.status = StatusBoard(
            store=self.store,
            spool=self.sink.spool,
            delivery=self.delivery,
            sources=[*sources, self.post],
            clock=clock,
            room=self.sink.room,
            outgoing=self.post,
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
        await self.status.tell_durability()

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
                [
                    ("staff", Staff(self.store, self.settings.manager, self._clock, self._new_id)),
                    ("routes", self.routing.reader),
                    ("days", self.routing.days),
                ],
                [("capture", self.sink)],
                [
                    ("delivery", self.delivery),
                    ("owners", self.crm_owners),
                    ("recording news", self._make_recording_watch()),
                    ("outgoing", self.post),
                    ("upkeep", Upkeep(self.store, self._clock, self._recordings())),
                    ("clock care", ClockCare(self.store, self._clock)),
                    ("alarms", self.mail_alarms),
                    ("summary", self._make_summary(f"http://{self.settings.web.private}")),
                ],
                [("letters", self.letters), ("delivery log", self.deliveries), ("files", self.files)],
                [
                    ("processing", self.processing),
                    ("calls", self.calls),
                    ("escalation", self.callbacks.escalation),
                    ("reminders", self.leadwork.reminders),
                ],
                [*mouths, ("web", self.web)],
            ]
        )

    def _recordings(self) -> RecordingRemoval:
        return RecordingRemoval.of(self.settings, self.store, self._clock)

    def _make_recording_watch(self) -> RecordingWatch:
        return RecordingWatch(
            store=self.store,
            places=places_of(self.settings),
            outgoing=self,
            clock=self._clock,
            on_told=self.delivery.kick,
        )

    def _make_summary(self, link: str) -> DailySummary:
        where = self.settings.gateway
        return DailySummary(
            settings=self.settings.summary,
            store=self.store,
            clock=self._clock,
            new_id=self._new_id,
            zone=ZoneInfo(where.timezone),
            language=where.language,
            hours_of=self.schedules.of_line,
            link=link,
            on_put=self.post.kick,
        )

    def _make_sink(self) -> DurableSink:
        return DurableSink(
            store=self.store,
            spool=Spool(self.settings.data / SPOOL_FOLDER),
            clock=self._clock,
            new_id=self._new_id,
            keep=self.settings.retention.of,
            on_stored=lambda: self.processing.kick(),
            room=Room(self.settings.data, self.settings.storage.min_free_mib << 20, self._clock),
        )

    def _make_processing(self) -> ProcessingWorker:
        return ProcessingWorker(
            store=self.store,
            interpreters={
                "smtp": self.letters,
                "imap": MailboxInterpreter(self.letters),
                "mailfile": self.letters,
                LMTP: self.letters,
                OUTGOING: SentInterpreter(self.letters),
            },
            rules=self._rules(),
            outgoing=self,
            clock=self._clock,
            new_id=self._new_id,
            followers=(
                SentFollower(self.settings.gateway.language),
                RoutingFollower(self.assigner),
                self.callbacks.follower,
                self.leadwork.follower,
                OutcallFollower(),
                RecordingFollower(self),
                self.files,
                make_acknowledger(self.settings, self._own_addresses()),
            ),
            on_processed=self._after_processing,
        )

    def _make_callbacks(self) -> CallbackParts:
        return CallbackParts(
            self.settings,
            self.store,
            self._clock,
            self._new_id,
            calendar=self.schedules,
            asks=self.assigner,
            is_own=self._rules().is_own,
            outgoing=self,
            on_changed=self._after_write,
        )

    def _make_leadwork(self) -> LeadWork:
        return LeadWork(
            self.settings,
            self.store,
            self._clock,
            self._new_id,
            outgoing=self,
            is_own=self._rules().is_own,
            calendar_of=lambda _: self.schedules.company,
            on_changed=self._after_write,
        )

    def _own_addresses(self) -> tuple[str, ...]:
        """The company's addresses, its mailboxes' and its people's: a letter from one of them is ours."""
        return own_addresses(self.settings)

    def _rules(self) -> Rules:
        return rules_of(self.settings, self.schedules)

    def wants_any(self) -> bool:
        """``processing.step.Outgoing``: whether a CRM is configured."""
        return self._crms.wants_any()

    def wants(self, event_type: str) -> bool:
        """``processing.step.Outgoing``: whether a CRM is to be told of such events."""
        return self._crms.wants(event_type)

    def put(self, connection: Connection, event: Event, at: datetime) -> None:
        """``processing.step.Outgoing``: into the outbox of each CRM that wants the event."""
        self._crms.put(connection, event, at)

    def _after_processing(self) -> None:
        self.hub.publish()
        self.delivery.kick()
        self.post.kick()

    def _after_write(self) -> None:
        self._after_processing()
        self.processing.kick()

    def _make_pbx(self, pbx: PbxSettings) -> list[Source]:
        """The connector, and what reads the PBX's own logs where they are configured."""
        region, live = self.settings.gateway.region, LiveCalls()
        lines = pbx.lines
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
            devices=self.routing.devices_of_pbx(),
            redirects=make_redirects(pbx, self.routing.router, lambda: self.switch, self._clock),
        )
        self.connectors[pbx.name] = connector
        return [connector, backfill] if backfill.has_logs else [connector]

    def _make_calls(self) -> Originator:
        """Click to call on the PBXs that are set up for it."""
        return Originator(
            {pbx.name: CallingPbx(pbx=self.connectors[pbx.name], settings=pbx.originate) for pbx in self.settings.pbx},
            StoredOutcalls(self.store, keep=self.settings.retention.keep, on_change=self.hub.publish),
            region=self.settings.gateway.region,
            clock=self._clock,
            new_id=self._new_id,
        )

    def _administration(self) -> SettingsParts:
        return settings_parts(self.settings, self._clock, self.status, self.routing)

    def _make_web(self) -> WebServer:
        gateway = self.settings.gateway
        desk = letter_desk(self.settings, self.store, self.letters)
        return WebServer(
            settings=self.settings.web,
            locale=LocaleSettings(region=gateway.region, timezone=gateway.timezone, language=gateway.language),
            store=self.store,
            hub=self.hub,
            status=self.status,
            clock=self._clock,
            version=__version__,
            vault=Vault.of_folder(self.settings.data),
            pages=pages(self.settings, self.schedules, self._administration()),
            keep=self.settings.retention.keep,
            masker=masker_of(self.settings),
            company=company_words(self.settings),
            leads=lead_parts(self.settings),
            form_routes=form_routes(self.forms, language=gateway.language),
            recordings=places_of(self.settings),
            files=AllFiles(self.files, self.letters, self.store),
            reads=(*desk.reads(), *self.leadwork.reads(), *self.routing.reads()),
            writes=(
                *desk.writes(),
                *self.leadwork.writes(),
                *self.routing.writes(),
                *call_writes(self.calls, self.store),
                *delivery_writes([crm.name for crm in self.settings.crm]),
                *self.callbacks.writes(self.calls),
                *SpamDesk(self.settings.form, gateway.region).writes(),
                *LetterFetcher(self.store, self.settings, self._clock, self.processing.kick).writes(),
            ),
            after_write=self._after_write,
        )
