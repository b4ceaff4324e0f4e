"""What a PBX must be set up like: versions, clock, and the lines of manager.conf to write. Pure."""

from __future__ import annotations

import re

from gateway.core.findings import Finding, Level

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


def version_of(text: str) -> tuple[int, int, int] | None:
    """``16.28.0~dfsg-0+deb11u4`` -> (16, 28, 0); ``certified/18.9-cert11`` -> (18, 9, 0); None without a number."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def judge_version(subject: str, text: str) -> Finding:
    """Whether this release of Asterisk is old enough to be told about."""
    version = version_of(text)
    if version is None:
        return Finding(
            level=Level.NOTE, subject=subject, said=f"calls itself {text!r}; its version is not known to us."
        )
    if version[:2] < OLDEST:
        return Finding(
            level=Level.WARN,
            subject=subject,
            said=f"Asterisk {text} is older than 13.5: its events don't say which channels belong to one call, so a "
            "transferred or queued call may be told as several.",
            remedy="upgrade Asterisk to 18 or newer; until then calls are told as well as their events allow.",
        )
    mended = _FIXED.get(version[0], (22, 0, 0) if version[0] > 16 else (0, 0, 0))
    if version < mended and not _PATCHED_BY_OTHERS.search(text):
        return Finding(
            level=Level.WARN,
            subject=subject,
            said=f"Asterisk {text} has CVE-2024-42365: whoever has the originate right may write files of the PBX.",
            remedy="upgrade to 18.24.2, 20.9.2, 21.4.2, 22 or newer.",
        )
    return Finding(level=Level.OK, subject=subject, said=f"Asterisk {text}.")


def judge_skew(subject: str, seconds: float) -> Finding:
    """``seconds``: by how much the clock of the PBX is ahead of ours; below zero when it is behind."""
    side = "ahead of" if seconds > 0 else "behind"
    said = f"its clock is {abs(seconds):.1f} s {side} ours."
    if abs(seconds) <= SKEW_WARN:
        return Finding(level=Level.OK, subject=subject, said=said)
    return Finding(
        level=Level.FAIL if abs(seconds) >= SKEW_FAIL else Level.WARN,
        subject=subject,
        said=f"{said} Calls are dated by the PBX, mails and forms by this machine: their order would be wrong.",
        remedy="on both machines: timedatectl set-ntp true (or start chrony), then look again.",
    )


def account_line(username: str, line: str) -> str:
    """Where to write a line of the account: plain Asterisk and FreePBX have it in different files."""
    return (
        f"in manager.conf (FreePBX: manager_custom.conf), section [{username}]: {line} - then: "
        "asterisk -rx 'manager reload'"
    )


def general_line(line: str) -> str:
    """Where to write a line that holds for all accounts."""
    return (
        f"in manager.conf, section [general] (FreePBX: manager_custom.conf, section [general](+)): {line} - then: "
        "asterisk -rx 'manager reload'"
    )
