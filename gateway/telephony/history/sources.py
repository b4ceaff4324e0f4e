"""From the keys ``cdr`` and ``cel`` of a ``[[pbx]]`` to the logs that they name."""

from __future__ import annotations

import itertools
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.exc import ArgumentError

from gateway.core.systemerrors import system_words
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.csvlines import CsvFormat
from gateway.telephony.history.logfile import LogFile
from gateway.telephony.history.logtable import LogTable
from gateway.telephony.history.page import Log, LogUnreadable
from gateway.telephony.settings import LogSource, PbxSettings

_LOOKED_AT = 20
"""Lines."""
ORDER: tuple[LogKind, ...] = ("cel", "cdr")
"""CEL first: it says more, and a crash of the PBX loses none of it."""


def logs_of(settings: PbxSettings, zone: tzinfo) -> list[Log]:
    """The logs of one PBX, CEL first. ``zone``: of their times, where they say nothing else."""
    configured = {"cel": settings.cel, "cdr": settings.cdr}
    return [open_log(LogSource.of(value), kind, zone) for kind in ORDER if (value := configured[kind])]


def open_log(source: LogSource, kind: LogKind, zone: tzinfo) -> Log:
    """The log that ``source`` names; nothing is opened yet. Raises LogUnreadable for a URL that is none."""
    zone = ZoneInfo(source.timezone) if source.timezone else zone
    if source.file:
        columns = source.columns if isinstance(source.columns, tuple) else ()
        return LogFile(Path(source.file).expanduser(), kind, zone, encoding=source.encoding or None, columns=columns)
    mapping = source.columns if isinstance(source.columns, dict) else {}
    try:
        return LogTable(source.url, kind, zone, table=source.table, columns=mapping)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise LogUnreadable(
            "[[pbx]] %(kind)s: its url is no SQLAlchemy URL, as in mysql+pymysql://USER@HOST/NAME", kind=kind
        ) from None


def kind_of_file(path: Path) -> LogKind:
    """Whether a CSV file holds channel events or call detail records, told by its first rows. Raises LogUnreadable."""
    forms = [(kind, CsvFormat(kind)) for kind in ORDER]
    try:
        with path.open("rb") as file:
            for line in itertools.islice(file, _LOOKED_AT):
                for kind, form in forms:
                    if form.is_heading(line) or form.fits(line):
                        return kind
    except OSError as error:
        raise LogUnreadable("%(path)s: can't be read: %(words)s", path=path, words=system_words(error)) from None
    raise LogUnreadable(
        "%(path)s: holds neither call detail records nor channel events in a layout that Asterisk writes, nor a "
        "heading with their names",
        path=path,
    )
