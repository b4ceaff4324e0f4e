"""The whole configuration: each room's settings, composed. The only file that knows every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath

import msgspec

from gateway.callbacks.settings import CallbacksSettings
from gateway.capture.settings import RetentionSettings
from gateway.config import document, environment, secrets
from gateway.config.convert import Problem, Reader
from gateway.config.crosscheck import hours_problems, routing_problems
from gateway.config.document import Document, dotted
from gateway.config.letters import letters_problems
from gateway.config.tables import GatewaySettings, LogSettings, ManagerSettings
from gateway.core.errors import ConfigError
from gateway.delivery.settings import CrmSettings
from gateway.documents.settings import DocumentsSettings
from gateway.leads.settings import LeadsSettings
from gateway.mail.settings import LmtpSettings, MailboxSettings, SmtpSettings
from gateway.outgoing.settings import AcknowledgementSettings, NoticesSettings, SenderSettings
from gateway.reports.settings import SummarySettings
from gateway.routing.rules import RoutingSettings
from gateway.routing.settings import HoursSettings
from gateway.storage.settings import StorageSettings
from gateway.telephony.settings import PbxSettings
from gateway.web.settings import WebSettings
from gateway.webforms.settings import EMBEDDED_FORMS, FormSettings

SEARCHED = (FilePath("leadgate.toml"), FilePath("/etc/leadgate/leadgate.toml"))
"""Where a configuration is looked for when none is named; the first that exists is used."""


class Tables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every table of the file. All have defaults: no file at all is a working configuration."""

    gateway: GatewaySettings = GatewaySettings()
    storage: StorageSettings = StorageSettings()
    web: WebSettings = WebSettings()
    pbx: tuple[PbxSettings, ...] = ()
    mailbox: tuple[MailboxSettings, ...] = ()
    smtp: SmtpSettings = SmtpSettings()
    lmtp: LmtpSettings = LmtpSettings()
    sender: tuple[SenderSettings, ...] = ()
    notices: NoticesSettings = NoticesSettings()
    acknowledgement: tuple[AcknowledgementSettings, ...] = ()
    form: tuple[FormSettings, ...] = ()
    leads: LeadsSettings = LeadsSettings()
    documents: DocumentsSettings = DocumentsSettings()
    callbacks: CallbacksSettings = CallbacksSettings()
    hours: HoursSettings | None = None
    routing: RoutingSettings = RoutingSettings()
    manager: tuple[ManagerSettings, ...] = ()
    crm: tuple[CrmSettings, ...] = ()
    retention: RetentionSettings = RetentionSettings()
    summary: SummarySettings = SummarySettings()
    log: LogSettings = LogSettings()


class Settings(Tables, frozen=True, kw_only=True):
    """The configuration as the program uses it: read once, never changed."""

    source: FilePath | None = None
    """The file it was read from; None for the embedded default."""
    remarks: tuple[str, ...] = ()
    """Sentences about what was read: no errors, but a person should know."""

    @staticmethod
    def load(path: FilePath | None, environ: Mapping[str, str]) -> Settings:
        """Read ``path`` (None: no file) with ``environ`` over it.

        Raises ConfigError whose text holds every problem, one a line: where, which key, what is wrong, the way out.
        """
        tree = document.read(path)
        reader = Reader()
        names = Tables.__struct_fields__
        for slip in environment.overlay(tree, environ, names):
            reader.report(slip.path, slip.sentence)
        tables = reader.table(Tables, tree.data, ())
        if tables is not None:
            people = [person.hours for person in tables.manager]
            mailboxes = [mailbox.name for mailbox in tables.mailbox]
            for problem in [
                *_collisions(tables),
                *hours_problems(tables.hours, people, tables.gateway.region),
                *letters_problems(tables.sender, tables.notices, tables.acknowledgement, mailboxes),
                *routing_problems(tables.routing, [person.id for person in tables.manager]),
            ]:
                reader.report(problem.path, problem.sentence)
        if tables is None or reader.problems:
            raise ConfigError("\n".join(_lines(tree, reader.problems)))
        values = {name: getattr(tables, name) for name in names}
        if path is None and "form" not in tree.data:
            values["form"] = EMBEDDED_FORMS
        return Settings(**values, source=path, remarks=tuple(environment.lookalikes(environ, names)))

    def with_data(self, folder: str | None) -> Settings:
        """The same with another data folder (``--data``); None leaves it."""
        if folder is None:
            return self
        return msgspec.structs.replace(self, gateway=msgspec.structs.replace(self.gateway, data=folder))

    def with_region(self, region: str | None) -> Settings:
        """The same with another country for national numbers (``--region``); None leaves it. Raises ConfigError."""
        if region is None:
            return self
        try:
            gateway = msgspec.structs.replace(self.gateway, region=region)
        except ValueError as error:
            raise ConfigError(f"--region: {error}") from None
        return msgspec.structs.replace(self, gateway=gateway)

    @property
    def data(self) -> FilePath:
        """The data folder, absolute."""
        return FilePath(self.gateway.data).expanduser().absolute()

    def secrets(self) -> frozenset[str]:
        """Every text that the log must never show."""
        return frozenset(secrets.secret_values(self))

    def __repr__(self) -> str:
        """Only where it came from: some tables hold secrets."""
        return f"Settings(source={str(self.source) if self.source else None!r})"


def find(named: str | None) -> FilePath | None:
    """The configuration file to read: the named one, else the first of SEARCHED that exists, else None."""
    if named is not None:
        return FilePath(named)
    return next((file for file in SEARCHED if file.is_file()), None)


def _collisions(tables: Tables) -> list[Problem]:
    """Two listeners can't have one address; public and private web may, then they are one listener."""
    taken = {tables.web.public: "web.public", tables.web.private: "web.private"}
    problems = []
    for name, listen in (("smtp", tables.smtp.listen), ("lmtp", tables.lmtp.listen)):
        if listen in taken:
            sentence = f"{listen} is also the address of {taken[listen]}. Choose another port."
            problems.append(Problem((name, "listen"), sentence))
        elif listen:
            taken[listen] = f"{name}.listen"
    return problems


def _lines(tree: Document, problems: Iterable[Problem]) -> list[str]:
    """The problems as a person reads them: from the top of the file down, then the environment's."""
    ordered = sorted(problems, key=lambda problem: tree.order(problem.path))
    return [f"{tree.place(problem.path)}: {dotted(problem.path)}: {problem.sentence}" for problem in ordered]
