"""What the pages of the administration know of the configuration, and doctor's checks on the spot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from gateway.app.checkup import NoCursors, crm_findings, mailbox
from gateway.app.outgoing import SigningIn
from gateway.app.routing import RoutingParts
from gateway.capture.replay import Stored
from gateway.config.settings import Settings
from gateway.core.clock import Clock
from gateway.core.findings import Finding, Level
from gateway.core.sentences import Sentence, Unusable
from gateway.core.types import Draft
from gateway.mail.imap.doctor import examine_mailbox
from gateway.mail.settings import MailboxSettings
from gateway.outgoing.doctor import examine_sender
from gateway.routing.settings import COMPANY
from gateway.telephony.doctor import examine_pbx
from gateway.telephony.history.doctor import examine_logs
from gateway.telephony.settings import PbxSettings
from gateway.web.health import StatusSource
from gateway.web.pages.settings.parts import FormDesk, SettingsParts, SourceInfo
from gateway.webforms.reread import reread
from gateway.webforms.settings import FormSettings

EXAMINE_SECONDS = 60.0
"""A check on a page that takes longer is given up: somebody waits for it."""
NEW = "new"
"""The name of what is not configured yet and was given none."""


def settings_parts(settings: Settings, clock: Clock, status: StatusSource, routing: RoutingParts) -> SettingsParts:
    """All of it."""
    examiner = Examiner(settings, clock)
    hours = settings.hours
    weeks = (
        {COMPANY: hours.given(), **{one.name: one.given() or hours.given() for one in hours.schedule}} if hours else {}
    )
    return SettingsParts(
        status=status,
        sources=sources(settings),
        examine=examiner.examine,
        attempt=examiner.attempt,
        forms=FormDesk(
            read_again=partial(_read_again, settings),
            read_sample=partial(_read_sample, settings, clock),
            public_address=f"http://{settings.web.public}",
        ),
        schedules=routing.schedules,
        weeks=weeks,
        exceptions=hours.exception if hours else (),
        assigner=routing.assigner,
        rules=settings.routing.rule,
        region=settings.gateway.region,
        config_file=str(settings.source) if settings.source else None,
    )


def sources(settings: Settings) -> Sequence[SourceInfo]:
    """Everything that is configured, as people look for it."""
    found = [
        SourceInfo(
            kind="pbx",
            name=one.name,
            about=f"{one.host}:{one.tcp_port}",
            health=(f"ami:{one.name}", f"cdr:{one.name}", f"cel:{one.name}", f"agi:{one.name}"),
        )
        for one in settings.pbx
    ]
    found += [
        SourceInfo(kind="mailbox", name=one.name, about=f"{one.username} @ {one.host}", health=(f"imap:{one.name}",))
        for one in settings.mailbox
    ]
    for name, listener in (("smtp", settings.smtp), ("lmtp", settings.lmtp)):
        if listener.enabled:
            found.append(SourceInfo(kind="listener", name=name, about=listener.listen, health=(name,), examined=False))
    found += [
        SourceInfo(
            kind="form",
            name=one.name or one.key,
            about=one.preset,
            health=(f"form:{one.key}",),
            key=one.key,
            examined=False,
        )
        for one in settings.form
    ]
    found += [
        SourceInfo(kind="sender", name=one.name, about=one.host, health=(f"sender:{one.name}",))
        for one in settings.sender
    ]
    found += [
        SourceInfo(kind="crm", name=one.name, about=one.adapter, health=(f"crm:{one.name}",)) for one in settings.crm
    ]
    return found


class Examiner:
    """Doctor's checks for one thing at a time."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def examine(self, kind: str, name: str) -> list[Finding]:
        """What is configured. Raises LookupError where nothing of this kind and name is."""
        work = self._work(kind, name)
        try:
            async with asyncio.timeout(EXAMINE_SECONDS):
                return await work
        except TimeoutError:
            return [_too_slow(kind, name)]

    async def attempt(self, kind: str, typed: Mapping[str, str]) -> list[Finding]:
        """What is not configured yet. Raises ValueError with a sentence."""
        try:
            async with asyncio.timeout(EXAMINE_SECONDS):
                if kind == "pbx":
                    return await examine_pbx(_pbx(typed), clock=self._clock)
                if kind == "mailbox":
                    box = MailboxSettings(
                        name=typed.get("name") or NEW,
                        host=typed.get("host", ""),
                        username=typed.get("username", ""),
                        password=typed.get("password", ""),
                    )
                    return await examine_mailbox(box, NoCursors(), _nothing_known, clock=self._clock)
                return self._form(typed)
        except TimeoutError:
            return [_too_slow(kind, typed.get("name") or NEW)]

    async def _work(self, kind: str, name: str) -> list[Finding]:
        settings, clock = self._settings, self._clock
        for pbx in settings.pbx:
            if (kind, name) == ("pbx", pbx.name):
                zone = ZoneInfo(settings.gateway.timezone)
                logs = await asyncio.to_thread(examine_logs, pbx, zone, clock)
                return [*await examine_pbx(pbx, clock=clock), *logs]
        for box in settings.mailbox:
            if (kind, name) == ("mailbox", box.name):
                return await mailbox(settings, box, clock)
        for sender in settings.sender:
            if (kind, name) == ("sender", sender.name):
                return await examine_sender(sender, SigningIn.of(settings, clock).credentials)
        for crm in settings.crm:
            if (kind, name) == ("crm", crm.name):
                return await crm_findings(crm, settings.data)
        raise LookupError(name)

    def _form(self, typed: Mapping[str, str]) -> list[Finding]:
        """A form that would be configured so takes an ordinary submission: the settings are right."""
        form = FormSettings(key=typed.get("key", ""), name=typed.get("name", ""))
        subject = Sentence("form %(name)s", {"name": form.name or form.key})
        if any(form.key in (one.key, *one.previous_keys) for one in self._settings.form):
            said = Sentence("a form with this key is configured already; its page shows what it received.")
            return [Finding(code="form", level=Level.NOTE, subject=subject, said=said)]
        body = b"name=Maria&phone=%2B79261234567&message=Call+me+back"
        draft = _read(form, body, "application/x-www-form-urlencoded", self._settings, self._clock)
        who = ", ".join([*filter(None, [draft.name]), *(handle.value for handle in draft.handles)])
        said = Sentence("a submission is read: %(who)s.", {"who": who})
        return [Finding(code="form", level=Level.OK, subject=subject, said=said)]


async def _nothing_known(_keys: Sequence[str]) -> set[str]:
    return set()


def _pbx(typed: Mapping[str, str]) -> PbxSettings:
    port = typed.get("port", "")
    if port and not (port.isascii() and port.isdigit()):
        raise Unusable("port: a TCP port is 1 to 65535; AMI's usual one is 5038")
    return PbxSettings(
        name=typed.get("name") or NEW,
        host=typed.get("host", ""),
        username=typed.get("username", ""),
        secret=typed.get("secret", ""),
        port=int(port) if port else None,
    )


def _too_slow(kind: str, name: str) -> Finding:
    subjects = {
        "pbx": Sentence("pbx %(name)s", {"name": name}),
        "mailbox": Sentence("mailbox %(name)s", {"name": name}),
        "sender": Sentence("sender %(name)s", {"name": name}),
        "crm": Sentence("crm %(name)s", {"name": name}),
        "form": Sentence("form %(name)s", {"name": name}),
    }
    said = Sentence("did not answer everything within %(seconds)s s.", {"seconds": f"{EXAMINE_SECONDS:.0f}"})
    remedy = Sentence("'leadgate doctor' waits longer.")
    return Finding(code=f"{kind}.slow", level=Level.FAIL, subject=subjects[kind], said=said, remedy=remedy)


def _settings_of(settings: Settings, key: str) -> FormSettings:
    """The form of a key, now or before; one that was removed is read with what fits any."""
    return next((form for form in settings.form if key in (form.key, *form.previous_keys)), FormSettings(key=key))


def _read_again(settings: Settings, one: Stored, not_spam: bool) -> Draft:
    before = (one.draft or {}).get("details") or {}
    form = _settings_of(settings, one.source)
    region = settings.gateway.region
    return reread(form, one.raw, one.meta, before, region=region, received_at=one.received_at, not_spam=not_spam)


def _read_sample(settings: Settings, clock: Clock, key: str, body: bytes, content_type: str) -> Draft:
    return _read(_settings_of(settings, key), body, content_type, settings, clock)


def _read(form: FormSettings, body: bytes, content_type: str, settings: Settings, clock: Clock) -> Draft:
    meta = {"content_type": content_type}
    return reread(form, body, meta, {}, region=settings.gateway.region, received_at=clock.now())
