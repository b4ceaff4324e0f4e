"""Looks at the CEL and CDR logs of a PBX by reading a page of each, and says which lines to change. Changes nothing.

It blocks: call it in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.telephony.history.columns import LogKind
from gateway.telephony.history.page import Log, LogUnreadable, Page, Row
from gateway.telephony.history.rows import CdrRow, CelRow
from gateway.telephony.history.sources import logs_of
from gateway.telephony.settings import PbxSettings

DAY = 86_400.0
"""Seconds back from now at which the page begins."""
SLOW = 5.0
"""Seconds for one page: more shows a table without an index on its time."""
AHEAD = 120.0
"""Seconds by which a row may lie in the future: CDRs and clocks differ by less."""
ENOUGH = 30
"""Rows of events from which what is not among them says something."""

CEL_LINES = (
    "cel.conf, [general]: enable = yes, apps = dial,queue,voicemail,playback,background,waitexten,mixmonitor, "
    "events = ALL"
)
CEL_CUSTOM = "cel_custom.conf, [mappings]: the line Master.csv => ... of its sample"
CDR_LINES = "cdr.conf, [general]: enable = yes, unanswered = yes; [csv]: loguniqueid = yes, newcdrcolumns = yes"
_RELOAD = "then: asterisk -rx 'core reload'"
_TOLD_BY_EVENTS = ("CHAN_START", "HANGUP", "CHAN_END", "LINKEDID_END", "BRIDGE_ENTER", "BRIDGE_EXIT")
"""Events without which a call's beginning, end or answer is not known."""


def examine_logs(settings: PbxSettings, zone: tzinfo, clock: Clock) -> list[Finding]:
    """All findings about the logs of one ``[[pbx]]``. ``zone``: of their times, where they say nothing else."""
    subject = f"pbx {settings.name}: logs"
    try:
        logs = logs_of(settings, zone)
    except LogUnreadable as error:
        return [_fail(subject, f"{error}.", "correct the url, as docs/history.md shows.")]
    if not logs:
        said = "neither cel nor cdr is configured: calls made while Leadgate or the network is down are lost."
        remedy = (
            f"cel = the path of its CSV file or the URL of its table; on the PBX {CEL_LINES}; {CEL_CUSTOM} - {_RELOAD}"
        )
        return [Finding(level=Level.WARN, subject=subject, said=said, remedy=remedy)]
    found = [finding for log in logs for finding in _examine(log, f"pbx {settings.name}: {log.kind}", clock)]
    if settings.cel is None:
        said = (
            "only cdr is configured: calls that a crash of the PBX cuts, transfers and who gave up first are not told."
        )
        found.append(Finding(level=Level.NOTE, subject=subject, said=said, remedy=f"cel too: {CEL_LINES} - {_RELOAD}"))
    return found


def _examine(log: Log, subject: str, clock: Clock) -> list[Finding]:
    """One log, read from a day ago on."""
    now, began = clock.now().timestamp(), clock.monotonic()
    try:
        page = next(log.pages(None, now - DAY), Page())
    except LogUnreadable as error:
        return [_fail(subject, f"{error}.", _how_to_read(log.kind))]
    finally:
        log.close()
    seconds = clock.monotonic() - began
    rows = [row for row, _ in page.rows if _time(row) >= now - DAY]  # a file is found to some KiB only
    found = [*_refused(page, subject, log.kind), *_dates(rows, subject, now)]
    found += _cel(rows, subject) if log.kind == "cel" else _cdr(rows, subject)
    if seconds > SLOW:
        said = f"one page took {seconds:.0f} s to read: the column of its time has no index."
        column = "eventtime" if log.kind == "cel" else "calldate (or start)"
        remedy = f"on that database: CREATE INDEX leadgate_time ON {log.kind} ({column})."
        found.append(Finding(level=Level.WARN, subject=subject, said=said, remedy=remedy))
    if rows:
        found.insert(0, Finding(level=Level.OK, subject=subject, said=f"{log.name}: can be read; {_size(rows)}."))
    elif not page.refused:
        said = f"{log.name}: can be read, and holds nothing of the last day. Was there no call?"
        found.append(Finding(level=Level.NOTE, subject=subject, said=said, remedy=_how_to_write(log.kind)))
    return found


def _time(row: Row) -> float:
    return row.at if isinstance(row, CelRow) else row.start


def _size(rows: Sequence[Row]) -> str:
    calls = {row.linkedid for row in rows}
    return f"its first {len(rows)} rows of the last day are of {len(calls)} calls"


def _refused(page: Page, subject: str, kind: LogKind) -> list[Finding]:
    """Rows that can't be taken, by the reason."""
    reasons = Counter(refused.why for refused in page.refused)
    first = {refused.why: refused.where for refused in reversed(page.refused)}
    total = len(page.refused) + len(page.rows)
    level = Level.WARN if page.rows else Level.FAIL
    return [
        Finding(
            level=level,
            subject=subject,
            said=f"{count} of {total} rows can't be taken, the first at {first[why]}: it {why}.",
            remedy=_how_to_write(kind),
        )
        for why, count in reasons.most_common(3)
    ]


def _dates(rows: Sequence[Row], subject: str, now: float) -> list[Finding]:
    """Rows of the future: another zone, or another clock."""
    newest = max(map(_time, rows), default=now)
    if newest - now <= AHEAD:
        return []
    said = (
        f"its newest row is {(newest - now) / 60:.0f} minutes in the future: its times are in another zone, or a clock "
        "is wrong."
    )
    remedy = (
        'timezone = the zone it is written in, as in cel = { file = "...", timezone = "UTC" }; and set both clocks by '
        "NTP."
    )
    return [Finding(level=Level.WARN, subject=subject, said=said, remedy=remedy)]


def _cel(rows: Sequence[Row], subject: str) -> list[Finding]:
    """Whether the events are there that calls are told from."""
    kinds = Counter(row.kind for row in rows if isinstance(row, CelRow))
    if sum(kinds.values()) < ENOUGH:
        return []
    missing = [kind for kind in _TOLD_BY_EVENTS if kind not in kinds]
    found = []
    if missing:
        said = f"no row says {', '.join(missing)}: calls are told worse, or not at all."
        found.append(Finding(level=Level.WARN, subject=subject, said=said, remedy=f"{CEL_LINES} - {_RELOAD}"))
    if "APP_START" not in kinds:
        said = "no row says APP_START: menus, announcements, queues and voicemail are not told apart."
        found.append(Finding(level=Level.WARN, subject=subject, said=said, remedy=f"{CEL_LINES} - {_RELOAD}"))
    return found


def _cdr(rows: Sequence[Row], subject: str) -> list[Finding]:
    """Whether the columns are there that make one call of several records."""
    records = [row for row in rows if isinstance(row, CdrRow)]
    found = []
    if records and not any(row.chained for row in records):
        said = "its records have no linkedid: some transferred and queued calls come out as two."
        remedy = f"{CDR_LINES}; of a table: a column linkedid, which cdr_adaptive_odbc fills by itself - {_RELOAD}"
        found.append(Finding(level=Level.WARN, subject=subject, said=said, remedy=remedy))
    answered = [row for row in records if row.disposition == "ANSWERED"]
    if answered and all(row.answer is None for row in answered):
        said = "its records have no time of answer (as FreePBX's have none): it is reckoned from duration and billsec."
        found.append(Finding(level=Level.NOTE, subject=subject, said=said))
    return found


def _how_to_read(kind: LogKind) -> str:
    return (
        "a file: its path as this machine sees it, readable for the user that runs Leadgate; a table: GRANT SELECT ON "
        f"{kind} to the account of its url; docs/history.md has the steps."
    )


def _how_to_write(kind: LogKind) -> str:
    if kind == "cdr":
        return f"{CDR_LINES} - {_RELOAD}; other columns are named in columns of [[pbx]] cdr."
    return f"{CEL_LINES}; {CEL_CUSTOM} - {_RELOAD}; other columns are named in columns of [[pbx]] cel."


def _fail(subject: str, said: str, remedy: str) -> Finding:
    return Finding(level=Level.FAIL, subject=subject, said=said, remedy=remedy)
