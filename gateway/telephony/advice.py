"""What a PBX must be set up like: versions, clock, and the lines of manager.conf to write. Pure."""

from __future__ import annotations

import re

from gateway.core.findings import Finding, Level
from gateway.core.sentences import NOTHING, Sentence, joined

READ = "call,agent,dialplan"
"""Event classes that the account must be sent: calls; queues; dialplan steps and variables (a class since 16)."""
WRITE = "reporting,originate"
"""Actions that the account must be allowed: the lists of what is open (reporting), click to call (originate)."""
WRITE_TIMEOUT = 5000
"""Milliseconds. Asterisk closes a session that reads nothing for so long; its default of 100 is one busy moment."""

OLDEST = (13, 5)
"""The first release whose channel events carry Linkedid."""
_FIXED = {18: (18, 24, 2), 20: (20, 9, 2), 21: (21, 4, 2)}
"""Where CVE-2024-42365 was mended: the originate right alone could write files below /etc/asterisk."""
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_PATCHED_BY_OTHERS = re.compile(r"cert|dfsg|deb|ubuntu|\.el\d|\.sng", re.IGNORECASE)
"""Releases of distributions and the certified branch, which mend without a new upstream number."""

SKEW_WARN = 2.0
SKEW_FAIL = 600.0
"""Seconds. Two are noticed in "waited 3 s"; with ten minutes a call-back seems to come before the missed call."""

_VERSION_CODE = "pbx.version"
_CLOCK_CODE = "pbx.clock"


def version_of(text: str) -> tuple[int, int, int] | None:
    """``16.28.0~dfsg-0+deb11u4`` -> (16, 28, 0); ``certified/18.9-cert11`` -> (18, 9, 0); None without a number."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def judge_version(subject: Sentence, text: str) -> Finding:
    """Whether this release of Asterisk is old enough to be told about."""
    version = version_of(text)
    if version is None:
        said = Sentence("calls itself %(version)r; its version is not known to us.", {"version": text})
        return Finding(code=_VERSION_CODE, level=Level.NOTE, subject=subject, said=said)
    if version[:2] < OLDEST:
        said = Sentence(
            "Asterisk %(version)s is older than 13.5: its events don't say which channels belong to one call, so a "
            "transferred or queued call may be told as several.",
            {"version": text},
        )
        remedy = Sentence("upgrade Asterisk to 18 or newer; until then calls are told as well as their events allow.")
        return Finding(code=_VERSION_CODE, level=Level.WARN, subject=subject, said=said, remedy=remedy)
    mended = _FIXED.get(version[0], (22, 0, 0) if version[0] > 16 else (0, 0, 0))
    if version < mended and not _PATCHED_BY_OTHERS.search(text):
        said = Sentence(
            "Asterisk %(version)s has CVE-2024-42365: whoever has the originate right may write files of the PBX.",
            {"version": text},
        )
        remedy = Sentence("upgrade to 18.24.2, 20.9.2, 21.4.2, 22 or newer.")
        return Finding(code=_VERSION_CODE, level=Level.WARN, subject=subject, said=said, remedy=remedy)
    said = Sentence("Asterisk %(version)s.", {"version": text})
    return Finding(code=_VERSION_CODE, level=Level.OK, subject=subject, said=said)


def judge_skew(subject: Sentence, seconds: float) -> Finding:
    """``seconds``: by how much the clock of the PBX is ahead of ours; below zero when it is behind."""
    size = {"seconds": f"{abs(seconds):.1f}"}
    said = (
        Sentence("its clock is %(seconds)s s ahead of ours.", size)
        if seconds > 0
        else Sentence("its clock is %(seconds)s s behind ours.", size)
    )
    if abs(seconds) <= SKEW_WARN:
        return Finding(code=_CLOCK_CODE, level=Level.OK, subject=subject, said=said)
    harm = Sentence("Calls are dated by the PBX, mails and forms by this machine: their order would be wrong.")
    return Finding(
        code=_CLOCK_CODE,
        level=Level.FAIL if abs(seconds) >= SKEW_FAIL else Level.WARN,
        subject=subject,
        said=joined([said, harm], " "),
        remedy=Sentence("on both machines: timedatectl set-ntp true (or start chrony), then look again."),
    )


def account_line(username: str, line: str | Sentence, more: Sentence = NOTHING) -> Sentence:
    """Where to write a line of the account: plain Asterisk and FreePBX have it in different files."""
    where = Sentence(
        "in manager.conf (FreePBX: manager_custom.conf), section [%(account)s]: %(line)s - then: asterisk -rx 'manager "
        "reload'",
        {"account": username, "line": line},
    )
    return joined([where, more], "; ")


def general_line(line: str | Sentence, more: Sentence = NOTHING) -> Sentence:
    """Where to write a line that holds for all accounts."""
    where = Sentence(
        "in manager.conf, section [general] (FreePBX: manager_custom.conf, section [general](+)): %(line)s - then: "
        "asterisk -rx 'manager reload'",
        {"line": line},
    )
    return joined([where, more], "; ")
