"""Whether a machine may answer a letter by itself: RFC 3834 section 2, and what providers add to it."""

from __future__ import annotations

import re

from gateway.mail.parse import Letter
from gateway.mail.understand.kind import LIST_HEADERS, header, is_machine_box

OWN_MARK = "x-leadgate"
"""Every letter that a Leadgate sends has it (``gateway.outgoing.compose.MARK``)."""
_NO_REPLY = re.compile(
    r"^(?:(?:no|do[-_.]?not|donot|dont)[-_.]?(?:reply|replay|answer|respond).*|noreply.*|robot|auto(?:mat)?|mailer"
    r"|notifications?|alerts?|listserv|majordomo|.*-(?:request|bounces|owner)|owner-.*)$",
    re.IGNORECASE,
)
_PRECEDENCES = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply", "auto_response"})
_SUPPRESSED = frozenset({"all", "autoreply", "oof", "dr", "rn", "nrn"})
"""X-Auto-Response-Suppress ([MS-OXCMAIL] 2.2.3.2.14); people's letters have none."""


def why_no_answer(letter: Letter) -> str | None:
    """A sentence: why no automatic answer may go to this letter; None where one may."""
    if OWN_MARK in letter.headers:
        return "A Leadgate sent it."
    submitted = header(letter, "auto-submitted").partition(";")[0].strip()
    if submitted not in ("", "no"):
        return f"Auto-Submitted: {submitted[:40]} (RFC 3834)."
    if header(letter, "precedence") in _PRECEDENCES:
        return f"Precedence: {header(letter, 'precedence')}."
    wishes = {word.strip() for word in header(letter, "x-auto-response-suppress").split(",")}
    if wishes & _SUPPRESSED:
        return "X-Auto-Response-Suppress asks for no answer."
    if found := next((name for name in LIST_HEADERS if name in letter.headers), None):
        return f"It has the header {found.title()}: a list."
    if "x-loop" in letter.headers:
        return "X-Loop: it went in a circle before."
    if header(letter, "return-path") == "<>":
        return "It has no return path (the null sender)."
    for box in (letter.from_, letter.reply_to, letter.sender):
        if box is not None and box.email and is_no_reply(box.email):
            return f"{box.email} is a machine's address."
    return None


def is_no_reply(email: str) -> bool:
    """True for noreply, mailer-daemon, list owners and their kin: nobody reads what goes there."""
    return bool(_NO_REPLY.match(email.partition("@")[0])) or is_machine_box(email)
