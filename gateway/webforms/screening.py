"""Whether a person sent it: the guards that a form asks for, one after the other, the cheapest first.

A submission that fails is spam: stored, seen, and answered like any other, so that a robot learns nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.types import HandleKind, Kind
from gateway.webforms import content
from gateway.webforms.body import Body, read_body
from gateway.webforms.captcha import Captcha, Verdict
from gateway.webforms.controls import Controls, take_controls
from gateway.webforms.once import content_digest
from gateway.webforms.settings import CaptchaSettings, FormSettings
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
CAPTCHA_SECONDS = 300
"""For so long tokens of all three providers are good."""
_LATE = "It was sent again later: the captcha had been solved, but was too old when it came."
_UNCHECKED = "The captcha's provider could not be asked, so it is not sure that a person sent this."


class _Sender(NamedTuple):
    """What a submission says of who sends it."""

    body: Body
    controls: Controls
    identity: bytes


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
        return await self._captcha(form, form.captcha, submission, _Sender(body, controls, identity), now)

    async def _captcha(
        self, form: FormSettings, settings: CaptchaSettings, submission: Submission, sender: _Sender, now: float
    ) -> Screened:
        verdict, remark = Verdict.OUTAGE, _UNCHECKED
        if self.captcha is not None:
            token = sender.body.value(settings.field) or ""
            verdict = await self.captcha.check(settings, token, address=submission.address, submission=sender.identity)
        if verdict is Verdict.EXPIRED and self._is_sent_again(form, settings, submission, sender.controls, now):
            verdict, remark = Verdict.OUTAGE, _LATE
        if verdict is Verdict.OUTAGE:
            return Screened(remark) if settings.on_outage == "spam" else Screened(remark=remark)
        return PASSED if verdict is Verdict.GOOD else Screened("The captcha was not solved.")

    def _is_sent_again(
        self, form: FormSettings, settings: CaptchaSettings, submission: Submission, controls: Controls, now: float
    ) -> bool:
        """Whether a captcha that is too old came with a submission that waited in the visitor's browser.

        It has an id, which the snippet gives before its first try. Where the provider says the same of invented tokens,
        our own must show that the page was open before the captcha can have become too old.
        """
        if not (controls.submission_id or submission.idempotency_key):
            return False
        if settings.provider != "smartcaptcha":
            return True
        age = self._signer.age(form.key, controls.token or "", now)
        return age is not None and CAPTCHA_SECONDS <= age <= LIFETIME

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
