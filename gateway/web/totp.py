"""Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, six digits, 30 seconds."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import datetime
from io import BytesIO
from urllib.parse import quote, urlencode

import segno

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226 section 4, R6: 160 bits are recommended."""
DRIFT = 1
"""Steps before and after the present one that are taken too: telephones' clocks differ (RFC 6238 section 5.2)."""
ISSUER = "Leadgate"


def new_totp_secret() -> str:
    """160 random bits in base32, as apps want them typed."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def step_of(moment: datetime) -> int:
    """The time step of ``moment`` (RFC 6238 section 4.2, T0 = 0)."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """The code of a time step: HOTP (RFC 4226 section 5.3) with the step as the counter. ValueError for no base32."""
    try:
        key = base64.b32decode(secret, casefold=True)
    except binascii.Error:
        raise ValueError("the secret is no base32") from None
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of_code(secret: str, code: str, now: datetime, *, after: int | None) -> int | None:
    """The time step whose code was typed, if it is near enough and later than ``after``, the last that was taken."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not typed.isascii() or not typed.isdigit():
        return None
    present = step_of(now)
    for step in range(present - DRIFT, present + DRIFT + 1):
        if (after is None or step > after) and hmac.compare_digest(code_at(secret, step), typed):
            return step
    return None


def address_of(secret: str, login: str) -> str:
    """What the picture says to the app: ``otpauth://totp/...`` (the Key Uri Format of Google Authenticator)."""
    label = quote(f"{ISSUER}:{login}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}"


def picture(text: str) -> str:
    """``text`` as a QR code: an SVG element without styles, black on white in dark mode too, as cameras want it."""
    target = BytesIO()
    segno.make(text, error="m", micro=False).save(
        target, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False, nl=False, svgclass="qr",
        lineclass=None, omitsize=True,
    )  # fmt: skip
    return target.getvalue().decode()


def grouped(secret: str) -> str:
    """In fours, for those who type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
