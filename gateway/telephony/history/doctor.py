"""Looks at the CEL and CDR logs of a PBX by reading a page of each, and says which lines to change. Changes nothing.

It blocks: call it in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.core.sentences import NOTHING, Sentence, counted, ended
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
CDR_LINES = "cdr.conf, [general]: enable = yes, unanswered = yes; [csv]: loguniqueid = yes, newcdrcolumns = yes"
"""Lines of the PBX's own files, which read the same in any language."""
_TOLD_BY_EVENTS = ("CHAN_START", "HANGUP", "CHAN_END", "LINKEDID_END", "BRIDGE_ENTER", "BRIDGE_EXIT")
"""Events without which a call's beginning, end or answer is not known."""


def examine_logs(settings: PbxSettings, zone: tzinfo, clock: Clock) -> list[Finding]:
    """All findings about the logs of one ``[[pbx]]``. ``zone``: of their times, where they say nothing else."""
    about = About(settings.name, "logs")
    try:
        logs = logs_of(settings, zone)
    except LogUnreadable as error:
        return [about.fail(ended(error), Sentence("correct the url, as docs/history.md shows."))]
    if not logs:
        said = Sentence("neither cel nor cdr is configured: calls made while Leadgate or the network is down are lost.")
        remedy = Sentence(
            "cel = the path of its CSV file or the URL of its table; on the PBX %(lines)s", {"lines": _cel_lines()}
        )
        return [about.warn(said, remedy)]
    found = [finding for log in logs for finding in _examine(log, About(settings.name, log.kind), clock)]
    if settings.cel is None:
        said = Sentence(
            "only cdr is configured: calls that a crash of the PBX cuts, transfers and who gave up first are not told."
        )
        remedy = Sentence("cel too: %(lines)s", {"lines": _reloaded(CEL_LINES)})
        found.append(about.finding(Level.NOTE, said, remedy))
    return found


@dataclass(frozen=True, slots=True)
class About:
    """What is looked at, and findings about it."""

    pbx: str
    what: str
    """``logs``, ``cel`` or ``cdr``."""

    def finding(self, level: Level, said: Sentence, remedy: Sentence = NOTHING) -> Finding:
        """Any."""
        what = Sentence("logs") if self.what == "logs" else self.what
        subject = Sentence("pbx %(name)s: %(check)s", {"name": self.pbx, "check": what})
        return Finding(code=f"pbx.{self.what}", level=level, subject=subject, said=said, remedy=remedy)

    def fail(self, said: Sentence, remedy: Sentence) -> Finding:
        """It can't be read."""
        return self.finding(Level.FAIL, said, remedy)

    def warn(self, said: Sentence, remedy: Sentence) -> Finding:
        """Calls are told worse than they could be."""
        return self.finding(Level.WARN, said, remedy)


def _examine(log: Log, about: About, clock: Clock) -> list[Finding]:
    """One log, read from a day ago on."""
    now, began = clock.now().timestamp(), clock.monotonic()
    try:
        page = next(log.pages(None, now - DAY), Page())
    except LogUnreadable as error:
        return [about.fail(ended(error), _how_to_read(log.kind))]
    finally:
        log.close()
    seconds = clock.monotonic() - began
    rows = [row for row, _ in page.rows if _time(row) >= now - DAY]  # a file is found to some KiB only
    found = [*_refused(page, about, log.kind), *_dates(rows, about, now)]
    found += _cel(rows, about) if log.kind == "cel" else _cdr(rows, about)
    if seconds > SLOW:
        said = Sentence(
            "one page took %(seconds)s s to read: the column of its time has no index.", {"seconds": f"{seconds:.0f}"}
        )
        column = "eventtime" if log.kind == "cel" else "calldate"
        remedy = Sentence(
            "on that database: CREATE INDEX leadgate_time ON %(table)s (%(column)s), with the names as they are there.",
            {"table": log.kind, "column": column},
        )
        found.append(about.warn(said, remedy))
    if rows:
        said = Sentence("%(log)s: can be read; %(size)s.", {"log": log.name, "size": _size(rows)})
        found.insert(0, about.finding(Level.OK, said))
    elif not page.refused:
        said = Sentence(
            "%(log)s: can be read, and holds nothing of the last day. Was there no call?", {"log": log.name}
        )
        found.append(about.finding(Level.NOTE, said, _how_to_write(log.kind)))
    return found


def _time(row: Row) -> float:
    return row.at if isinstance(row, CelRow) else row.start


def _size(rows: Sequence[Row]) -> Sentence:
    calls = {row.linkedid for row in rows}
    return Sentence(
        "rows of the last day that were looked at: %(rows)s, calls in them: %(calls)s",
        {"rows": len(rows), "calls": len(calls)},
    )


def _refused(page: Page, about: About, kind: LogKind) -> list[Finding]:
    """Rows that can't be taken, by the reason."""
    reasons = Counter(str(refused.why) for refused in page.refused)
    first = {str(refused.why): refused for refused in reversed(page.refused)}
    total = len(page.refused) + len(page.rows)
    level = Level.WARN if page.rows else Level.FAIL
    found = []
    for why, count in reasons.most_common(3):
        values = {"count": count, "total": total, "where": first[why].where, "why": first[why].why}
        said = Sentence("%(count)s of %(total)s rows can't be taken, the first at %(where)s: it %(why)s.", values)
        found.append(about.finding(level, said, _how_to_write(kind)))
    return found


def _dates(rows: Sequence[Row], about: About, now: float) -> list[Finding]:
    """Rows of the future: another zone, or another clock."""
    newest = max(map(_time, rows), default=now)
    if newest - now <= AHEAD:
        return []
    said = counted(
        "its newest row is %(num)s minute in the future: its times are in another zone, or a clock is wrong.",
        "its newest row is %(num)s minutes in the future: its times are in another zone, or a clock is wrong.",
        round((newest - now) / 60),
    )
    remedy = Sentence(
        'timezone = the zone it is written in, as in cel = { file = "...", timezone = "UTC" }; and set both clocks by '
        "NTP."
    )
    return [about.warn(said, remedy)]


def _cel(rows: Sequence[Row], about: About) -> list[Finding]:
    """Whether the events are there that calls are told from."""
    kinds = Counter(row.kind for row in rows if isinstance(row, CelRow))
    if sum(kinds.values()) < ENOUGH:
        return []
    missing = [kind for kind in _TOLD_BY_EVENTS if kind not in kinds]
    found = []
    if missing:
        said = Sentence("no row says %(events)s: calls are told worse, or not at all.", {"events": ", ".join(missing)})
        found.append(about.warn(said, _reloaded(CEL_LINES)))
    if "APP_START" not in kinds:
        said = Sentence("no row says APP_START: menus, announcements, queues and voicemail are not told apart.")
        found.append(about.warn(said, _reloaded(CEL_LINES)))
    return found


def _cdr(rows: Sequence[Row], about: About) -> list[Finding]:
    """Whether the columns are there that make one call of several records."""
    records = [row for row in rows if isinstance(row, CdrRow)]
    found = []
    if records and not any(row.chained for row in records):
        said = Sentence("its records have no linkedid: some transferred and queued calls come out as two.")
        line = Sentence(
            "%(lines)s; of a table: a column linkedid, which cdr_adaptive_odbc fills by itself", {"lines": CDR_LINES}
        )
        found.append(about.warn(said, _reloaded(line)))
    answered = [row for row in records if row.disposition == "ANSWERED"]
    if answered and all(row.answer is None for row in answered):
        said = Sentence(
            "its records have no time of answer (as FreePBX's have none): it is reckoned from duration and billsec."
        )
        found.append(about.finding(Level.NOTE, said))
    return found


def _how_to_read(kind: LogKind) -> Sentence:
    return Sentence(
        "a file: its path as this machine sees it, readable for the user that runs Leadgate; a table: GRANT SELECT ON "
        "%(table)s to the account of its url; docs/history.md has the steps.",
        {"table": kind},
    )


def _how_to_write(kind: LogKind) -> Sentence:
    lines = _reloaded(CDR_LINES) if kind == "cdr" else _cel_lines()
    return Sentence(
        "%(lines)s; other columns are named in columns of [[pbx]] %(kind)s.", {"lines": lines, "kind": kind}
    )


def _cel_lines() -> Sentence:
    line = Sentence(
        "%(lines)s; cel_custom.conf, [mappings]: the line Master.csv => ... of its sample", {"lines": CEL_LINES}
    )
    return _reloaded(line)


def _reloaded(line: str | Sentence) -> Sentence:
    return Sentence("%(line)s - then: asterisk -rx 'core reload'", {"line": line})
