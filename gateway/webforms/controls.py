"""Control fields: sent along by our snippet, by HTML forms of the Formspree and Netlify kind, and by robots in traps.

They are taken out of the answers, so that no visitor's text is lost among them.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.webforms.body import Body

SUBMISSION_ID = "_lg_id"
"""The snippet's own id of a submission: the same when it is sent again."""
TOKEN = "_lg_token"  # noqa: S105 - the name of a field
"""The signed moment at which the form was shown."""
WORK = "altcha"
"""The solved proof of work, as ALTCHA's widget calls it too."""
TRAPS = ("_gotcha", "_honey", "bot-field", "_lg_website")
"""Fields that people do not see; Formspree, FormSubmit and Netlify call theirs so."""
NEXT = ("_next", "_redirect", "redirect")
_NEXT = frozenset(NEXT)
CAPTCHA = {
    "turnstile": "cf-turnstile-response", "hcaptcha": "h-captcha-response", "smartcaptcha": "smart-token",
}  # fmt: skip
"""Provider to the field its widget fills."""

REMOVED = frozenset({SUBMISSION_ID, TOKEN, WORK, *TRAPS})
MIN_ID, MAX_ID = 16, 64
"""Characters of a submission id; a shorter one could come twice by chance."""


class Controls(NamedTuple):
    """What the control fields of one submission say."""

    submission_id: str | None = None
    token: str | None = None
    work: str | None = None
    trap: str | None = None
    """The hidden field that was filled in."""


NOTHING = Controls()


def take_controls(body: Body, trap: str) -> tuple[Body, Controls]:
    """The body without its control fields, and what they say. ``trap``: one more hidden field, empty for none."""
    roots = body.roots
    if REMOVED.isdisjoint(roots) and (not trap or trap not in roots):
        return body, NOTHING
    names = REMOVED | {trap} if trap else REMOVED
    identity = body.value(SUBMISSION_ID) or ""
    controls = Controls(
        submission_id=identity if MIN_ID <= len(identity) <= MAX_ID else None,
        token=body.value(TOKEN),
        work=body.value(WORK),
        trap=next((name for name in (*TRAPS, trap) if name and body.value(name)), None),
    )
    return body.without(names), controls


def wanted_page(body: Body) -> str | None:
    """Where the form asks to go next."""
    if _NEXT.isdisjoint(body.roots):
        return None
    return next((value for name in NEXT if (value := body.value(name))), None)
