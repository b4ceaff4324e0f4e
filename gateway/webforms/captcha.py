"""Asks the captcha's provider whether a visitor's token is good. Turnstile, hCaptcha and Yandex SmartCaptcha.

All take ``secret`` and the token as a form and answer JSON. A provider that does not answer is an outage; the form's
settings say what follows from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from collections import OrderedDict
from enum import StrEnum

import aiohttp

from gateway.core.types import Json
from gateway.webforms.settings import CaptchaSettings
from gateway.webforms.tree import said, table

log = logging.getLogger(__name__)

ASK_SECONDS = 3.0
"""The sender waits for us meanwhile; a form builder would for 5 s."""
MAX_TOKEN = 4_096
"""Characters; Turnstile's are 2048 at most."""
MAX_ANSWER = 64 * 1024
REMEMBERED = 5_000
PROBE_SECONDS = 30.0
"""How long the answer to "is the provider there" stands: submissions without a token must not become its load."""


class Verdict(StrEnum):
    """What the provider said."""

    GOOD = "good"
    BAD = "bad"
    OUTAGE = "outage"
    EXPIRED = "expired"
    """It is too old now, or was asked about before: the submission may have waited in a browser without a network."""


class Captcha:
    """Checks tokens. A token counts once, with the submission that it came with first, however often that is sent."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._probed: dict[str, tuple[float, Verdict]] = {}
        self._seen: OrderedDict[bytes, tuple[bytes, Verdict]] = OrderedDict()
        """Token -> the submission that it came with first, and what was said of it."""

    async def check(self, settings: CaptchaSettings, token: str, *, address: str | None, submission: bytes) -> Verdict:
        """Ask about ``token``. ``submission`` tells whether it is the same one that comes again."""
        if not token:
            return await self._without_token(settings, address)
        if len(token) > MAX_TOKEN:
            return Verdict.BAD
        key = hashlib.sha256(f"{settings.provider}\n{token}".encode("utf-8", "replace")).digest()
        known = self._seen.get(key)
        if known is not None:
            return known[1] if known[0] == submission else Verdict.BAD
        verdict = await self._ask(settings, token, address)
        if verdict in (Verdict.GOOD, Verdict.EXPIRED):
            self._seen[key] = submission, verdict
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return verdict

    async def _without_token(self, settings: CaptchaSettings, address: str | None) -> Verdict:
        """Bad, unless the provider is away: then its widget could not give the visitor a token."""
        now = asyncio.get_running_loop().time()
        asked_at, verdict = self._probed.get(settings.address, (-PROBE_SECONDS, Verdict.BAD))
        if now - asked_at >= PROBE_SECONDS:
            answer = await self._ask(settings, "", address)
            verdict = Verdict.OUTAGE if answer is Verdict.OUTAGE else Verdict.BAD
            self._probed[settings.address] = now, verdict
        return verdict

    async def _ask(self, settings: CaptchaSettings, token: str, address: str | None) -> Verdict:
        asked = _question(settings, token, address)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                async with self._session.post(settings.address, data=asked, allow_redirects=False) as answer:
                    status, raw = answer.status, await answer.content.read(MAX_ANSWER)
            told: Json = json.loads(raw) if status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
        else:
            if status == 200:
                return _verdict(settings, table(told))
            reason = f"it answered {status}"
        log.warning(
            "The captcha's provider can't be asked.",
            extra={"action": "captcha_outage", "provider": settings.provider, "reason": reason},
        )
        return Verdict.OUTAGE


def _question(settings: CaptchaSettings, token: str, address: str | None) -> dict[str, str]:
    asked = {"secret": settings.secret}
    if settings.provider == "smartcaptcha":
        return asked | {"token": token} | ({"ip": address} if address else {})
    asked |= {"response": token} | ({"remoteip": address} if address else {})
    if settings.provider == "turnstile":  # so that a second question about a token has the first one's answer
        asked["idempotency_key"] = str(uuid.uuid5(uuid.NAMESPACE_OID, token))
    return asked


OUR_FAULT = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error", "sitekey-secret-mismatch"})
"""Error codes that say nothing about the visitor."""

STALE = frozenset({"timeout-or-duplicate", "expired-input-response", "already-seen-response"})
"""Error codes for a token that the provider did issue. SmartCaptcha has one message for those and for invented ones."""


def _verdict(settings: CaptchaSettings, told: dict[str, Json]) -> Verdict:
    if told.get("success") is True or told.get("status") == "ok":
        return Verdict.GOOD
    listed = told.get("error-codes")
    codes = {code for code in listed if isinstance(code, str)} if isinstance(listed, list) else set()
    if codes & STALE or (settings.provider == "smartcaptcha" and "expired" in said(told.get("message")).lower()):
        return Verdict.EXPIRED
    if codes & OUR_FAULT:
        log.error(
            "The captcha's provider does not take our secret.",
            extra={"action": "captcha_secret", "provider": settings.provider, "codes": sorted(codes)},
        )
        return Verdict.OUTAGE
    return Verdict.BAD
