"""Whether a person sent it: the guards that a form asks for, one after the other, the cheapest first.

A submission that fails is spam: stored, seen, and answered like any other, so that a robot learns nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.types import HandleKind, Kind
from gateway.webforms import content
from gateway.webforms.body import read_body
from gateway.webforms.captcha import Captcha, Verdict
from gateway.webforms.controls import Controls, take_controls
from gateway.webforms.once import content_digest
from gateway.webforms.settings import FormSettings
from gateway.webforms.signing import LIFETIME, Signer, Used, challenge_of
from gateway.webforms.submission import Submission
from gateway.webforms.understand import Understood


class Screened(NamedTuple):
    """What the guards say."""

    spam: str | None = None
    """The sentence that people read; None: no spam."""
    remark: str | None = None
    """What could not be checked."""


PASSED = Screened()
_UNCHECKED = "The captcha's provider could not be asked, so it is not sure that a person sent this."


class Screening:
    """The guards of all forms, with what they must remember."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._used = Used()
        self._repeats = content.Repeats()
        self.captcha: Captcha | None = None
        """Set while the gateway runs."""

    async def screen(self, form: FormSettings, submission: Submission, now: float) -> Screened:
        """Ask the guards of ``form`` at ``now`` (seconds since the epoch)."""
        body, controls = take_controls(read_body(submission.raw, submission.content_type), form.honeypot)
        identity = (controls.submission_id or "").encode() or content_digest(submission)
        spam = self._too_quick(form, controls, identity, now) or self._no_work(form, controls, identity, now)
        if spam is not None or form.captcha is None:
            return Screened(spam)
        verdict = Verdict.OUTAGE
        if self.captcha is not None:
            token = body.value(form.captcha.field) or ""
            verdict = await self.captcha.check(form.captcha, token, address=submission.address, submission=identity)
        if verdict is Verdict.OUTAGE:
            return Screened(_UNCHECKED) if form.captcha.on_outage == "spam" else Screened(remark=_UNCHECKED)
        return PASSED if verdict is Verdict.GOOD else Screened("The captcha was not solved.")

    def judge(self, form: FormSettings, understood: Understood, origin: str | None, now: float) -> str | None:
        """Why the words of a submission are spam; None: they are not. ``now``: seconds since the epoch."""
        draft, message = understood.draft, understood.message
        if not form.content_rules or draft.kind is not Kind.MESSAGE or not (message or draft.name):
            return None
        pages = (origin, draft.source.page, draft.source.referer, *form.origins)
        hosts = {host for page in pages if (host := content.host_of(page))}
        reachable = any(handle.kind is HandleKind.PHONE for handle in draft.handles)
        why = content.reason(message, name=draft.name or "", reachable=reachable, hosts=hosts, words=form.spam_words)
        if why is None and content.foreign_links(message, hosts):
            person = draft.handles[0].value if draft.handles else draft.name or ""
            if self._repeats.is_mailing(message, form.key, person, now):
                return "The same text with links came from several people through several forms."
        return why

    def _too_quick(self, form: FormSettings, controls: Controls, identity: bytes, now: float) -> str | None:
        if form.min_seconds <= 0:
            return None
        if controls.token is None:
            return "It came without the token of the form's page, as a robot's would."
        age = self._signer.age(form.key, controls.token, now)
        if age is None:
            return "Its token was not made for this form."
        if age < form.min_seconds:
            return f"It was filled in within {max(age, 0):.1f} seconds."
        if age > LIFETIME:
            return "Its token is too old."
        return "Its token was used before." if self._used.by_another(controls.token, identity) else None

    def _no_work(self, form: FormSettings, controls: Controls, identity: bytes, now: float) -> str | None:
        if form.proof_of_work <= 0:
            return None
        if controls.work is None:
            return "It came without the proof of work."
        wrong = self._signer.wrong_work(form.key, controls.work, now)
        if wrong is not None:
            return f"Its proof of work {wrong}."
        used = self._used.by_another(challenge_of(controls.work), identity)
        return "Its proof of work was used before." if used else None
