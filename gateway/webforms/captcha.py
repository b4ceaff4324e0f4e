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
from gateway.webforms.tree import table

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


class Captcha:
    """Checks tokens. A token counts once with its provider, so a good one is remembered for the same submission."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._probed: dict[str, tuple[float, Verdict]] = {}
        self._good: OrderedDict[bytes, bytes] = OrderedDict()

    async def check(self, settings: CaptchaSettings, token: str, *, address: str | None, submission: bytes) -> Verdict:
        """Ask about ``token``. ``submission`` tells whether it is the same one that comes again."""
        if not token:
            return await self._without_token(settings, address)
        if len(token) > MAX_TOKEN:
            return Verdict.BAD
        key = hashlib.sha256(f"{settings.provider}\n{token}".encode("utf-8", "replace")).digest()
        if self._good.get(key) == submission:
            return Verdict.GOOD
        verdict = await self._ask(settings, token, address)
        if verdict is Verdict.GOOD:
            self._good[key] = submission
            if len(self._good) > REMEMBERED:
                self._good.popitem(last=False)
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


def _verdict(settings: CaptchaSettings, told: dict[str, Json]) -> Verdict:
    if told.get("success") is True or told.get("status") == "ok":
        return Verdict.GOOD
    codes = told.get("error-codes")
    if isinstance(codes, list) and any(isinstance(code, str) and code in OUR_FAULT for code in codes):
        log.error(
            "The captcha's provider does not take our secret.",
            extra={"action": "captcha_secret", "provider": settings.provider, "codes": [str(code) for code in codes]},
        )
        return Verdict.OUTAGE
    return Verdict.BAD
