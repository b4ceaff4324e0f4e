"""Why a password is not taken, in words for people."""

from __future__ import annotations


def _(msgid: str) -> str:
    """Marks a text for translation; the template translates it."""
    return msgid


WEAK = {
    "too_short": _("This password is too short."),
    "too_long": _("This password is too long."),
    "too_common": _("This password is among the first that are guessed: choose another."),
    "is_number": _("Telephone numbers, dates and other numbers are guessed soon: add words."),
    "is_login": _("The password must not be the login."),
    "is_personal": _("This password is little more than your login, your name or the company's: choose another."),
}
"""By the code of ``passwords.WeakPassword``."""
DIFFERENT = _("The two passwords differ.")
