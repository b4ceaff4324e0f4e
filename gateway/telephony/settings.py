"""The ``[[pbx]]`` tables of the configuration: one for each Asterisk."""

from __future__ import annotations

import codecs
import re
import zoneinfo

import msgspec

from gateway.telephony.actions.settings import OriginateSettings
from gateway.telephony.actions.switch import is_place
from gateway.telephony.agi.settings import check_secret, parse_listen, parse_network
from gateway.telephony.lines import LineRules
from gateway.telephony.recordings import FILE_FIELD, is_url

PLAIN_PORT = 5038
TLS_PORT = 5039
REDIRECT = "redirect"
"""The defaults of Asterisk's manager.conf: ``port`` and ``tlsbindaddr``."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_VALUE = 1000
"""Characters: the AMI login line must stay below 1,024 bytes."""


class LogSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``cdr`` or ``cel`` as a table: a log whose layout, place or clock is not the usual one."""

    file: str = ""
    """CSV file as Asterisk writes it."""
    url: str = ""
    """SQLAlchemy URL of the database that holds it, as ``postgresql+psycopg://reader:PASSWORD@pbx/asterisk``."""
    table: str = ""
    """The table; empty: ``cdr`` or ``cel``."""
    columns: tuple[str, ...] | dict[str, str] = ()
    """Of a file: its columns in order. Of a table: Asterisk's name = the table's name, for those that differ."""
    encoding: str = ""
    """Of a file; empty: UTF-8, and windows-1251 where a row is not that."""
    timezone: str = ""
    """IANA name of the zone that the times are in; empty: that of [gateway]. GMT is recognised by itself."""

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.url):
            raise ValueError('set either file (a CSV file) or url (a database), as in { file = "/var/log/Master.csv" }')
        if self.url and "://" not in self.url:
            raise ValueError("url: give an SQLAlchemy URL, as in mysql+pymysql://reader:PASSWORD@pbx/asteriskcdrdb")
        if self.file and (self.table or isinstance(self.columns, dict)):
            raise ValueError("a file has no table, and its columns are a list in their order")
        if self.url and isinstance(self.columns, tuple) and self.columns:
            raise ValueError('columns of a database are a table, as in { start = "calldate" }')
        if self.timezone:
            _known_zone(self.timezone)
        if self.encoding:
            _known_encoding(self.encoding)

    def __repr__(self) -> str:
        """Without the URL, which holds a password."""
        return f"LogSource(file={self.file!r}, table={self.table!r})"

    __str__ = __repr__

    @classmethod
    def of(cls, value: str | LogSource) -> LogSource:
        """The short form, a path or a URL, written out."""
        if isinstance(value, LogSource):
            return value
        return cls(url=value) if "://" in value else cls(file=value)


def _known_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timezone {name!r} is not known. Write it like Europe/Moscow") from None


def _known_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"encoding {name!r} is not known. Write it like cp1251 or utf-8") from None


def _check_recordings(where: str) -> None:
    if is_url(where):
        if FILE_FIELD not in where or any(letter.isspace() for letter in where):
            raise ValueError('recordings: an address needs {file} in it, as in "https://pbx.example.com/rec/{file}"')
    elif not where.startswith("/") or where.strip("/") == "":
        raise ValueError('recordings: name a folder from the root on, as in "/var/spool/asterisk/monitor"')


def _check_agi(listen: str | None, secret: str | None, allow: tuple[str, ...]) -> None:
    if listen is not None:
        parse_listen(listen)
        if secret is None:
            raise ValueError("agi_secret is missing: anybody could ask whose customer calls. Set a random word")
    elif secret is not None or allow:
        raise ValueError("agi_listen is missing: agi_secret and agi_allow have no meaning without it")
    if secret is not None:
        check_secret(secret)
    for text in allow:
        parse_network(text)


def _check_route(route: str | None, context: str | None, *, asks_itself: bool) -> None:
    if route is None:
        if context is not None:
            raise ValueError('route is missing: route_context has no meaning without route = "redirect"')
        return
    if route != REDIRECT:
        raise ValueError(f'route {route!r} is not known: write "redirect", or leave it out')
    if asks_itself:
        raise ValueError("route and agi_listen exclude each other: with agi_listen the dialplan asks by itself")
    if context is None or not is_place(context):
        raise ValueError('route_context: name the context of the managers\' extensions, as in "from-internal"')


class PbxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PBX and the manager account (manager.conf) that Leadgate logs in with."""

    name: str
    """Its name in pages, logs and keys of calls, as ``office``: letters, digits, ``-``, ``_`` and ``.``. Keep it for
    good: a renamed PBX is a new one."""
    host: str
    """Name or address."""
    username: str
    """The section's name in manager.conf."""
    secret: str
    """The account's ``secret``."""
    port: int | None = None
    """AMI port: 5038, or 5039 with ``tls``, unless given."""
    tls: bool = False
    """Speak TLS and verify the certificate against ``host``. Without it the events cross the network readable."""
    ca_file: str | None = None
    """PEM file with the certificate authority, or the self-signed certificate, of the PBX; else the system's own."""
    trunks: tuple[str, ...] = ()
    """Channel names of the lines to the outside world, as ``PJSIP/mytrunk``; ``*`` stands for anything."""
    trunk_contexts: tuple[str, ...] = ()
    """Dialplan contexts in which calls from outside arrive, beside the usual ones."""
    internal_contexts: tuple[str, ...] = ()
    """Dialplan contexts of the company's own phones, beside the usual ones."""
    cdr: str | LogSource | None = None
    """Where the PBX keeps call detail records: a CSV file, an SQLAlchemy URL, or a table with more about it."""
    cel: str | LogSource | None = None
    """Where the PBX keeps channel event logs: the same. With it, calls that a crash of the PBX cut are known too."""
    recordings: str | None = None
    """Where its recordings are: a folder of this machine, as ``/var/spool/asterisk/monitor``, or an address with
    ``{file}`` in it, as ``https://pbx.example.com/rec/{file}``."""
    robots: tuple[str, ...] = ()
    """Endpoints that answer but are no people, as ``PJSIP/voicebot``: a talk with one is not an answered call."""
    originate: OriginateSettings | None = None
    """Click to call; without it this PBX makes no calls."""
    agi_listen: str | None = None
    """``host:port`` on which the PBX may ask for the manager of a caller (FastAGI)."""
    agi_secret: str | None = None
    """The word in the path of the AGI address that proves that it is this PBX asking."""
    agi_allow: tuple[str, ...] = ()
    """Addresses and networks that may ask, beside this machine; empty: the address of ``host``."""
    route: str | None = None
    """``redirect``: callers from outside are sent to their manager by AMI, for a dialplan that can't ask."""
    route_context: str | None = None
    """The dialplan context in which ``route`` finds the managers' extensions, as ``from-internal``."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: use letters, digits, '-', '_' and '.', at most 64, as in \"office\"")
        if not self.host.strip() or _CONTROL.search(self.host):
            raise ValueError('host: give the name or address of the PBX, as in "pbx.example.com"')
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError(f"port {self.port}: a TCP port is 1 to 65535; AMI's usual one is {PLAIN_PORT}")
        for key, value in (("username", self.username), ("secret", self.secret)):
            if not value or _CONTROL.search(value) or len(value.encode("utf-8", "replace")) > _LONGEST_VALUE:
                raise ValueError(f"{key}: must not be empty, very long or hold line breaks; copy it from manager.conf")
        if "" in (self.cdr, self.cel):
            raise ValueError("cdr and cel: give a file or a URL, or leave the key out")
        if self.recordings is not None:
            _check_recordings(self.recordings)
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file is only used with tls = true: set that too, or remove ca_file")
        _check_agi(self.agi_listen, self.agi_secret, self.agi_allow)
        _check_route(self.route, self.route_context, asks_itself=self.agi_listen is not None)

    @property
    def lines(self) -> LineRules:
        """How its channels are told apart: outside, inside, no people."""
        return LineRules(
            trunks=self.trunks,
            trunk_contexts=self.trunk_contexts,
            internal_contexts=self.internal_contexts,
            robots=self.robots,
        )

    def __repr__(self) -> str:
        """Name and address; the struct's own would show the secrets."""
        return f"PbxSettings(name={self.name!r}, host={self.host!r}, port={self.tcp_port}, username={self.username!r})"

    __str__ = __repr__

    @property
    def tcp_port(self) -> int:
        """The port to connect to."""
        return self.port if self.port is not None else TLS_PORT if self.tls else PLAIN_PORT
