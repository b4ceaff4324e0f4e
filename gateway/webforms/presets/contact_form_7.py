"""Contact Form 7 (WordPress) through any webhook plug-in: ``your-name``, ``tel-123``, service fields ``_wpcf7*``."""

from __future__ import annotations

import re

from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of

_SERVICE = "_wpcf7"
_TYPES = {
    "tel": Meaning.PHONE,
    "email": Meaning.EMAIL,
    "textarea": Meaning.MESSAGE,
    "acceptance": Meaning.CONSENT,
}
_GENERATED = re.compile(r"(tel|email|textarea|acceptance)-\d+")
"""The names that its tag generator gives: type and a number."""


def _recognises(body: Body) -> bool:
    roots = body.roots
    return any(root.startswith(_SERVICE) for root in roots) or {"your-name", "your-email"} <= roots


def _read(body: Body) -> Reading:
    answers = [
        Answer(label=label_of(path), value=value, meaning=_meaning(path[0]))
        for path, value in body.pairs
        if not path[0].startswith(_SERVICE)
    ]
    return Reading(answers=tuple(answers), form_id=body.value("_wpcf7"))


def _meaning(name: str) -> Meaning | None:
    generated = _GENERATED.fullmatch(name)
    return _TYPES[generated.group(1)] if generated else None


CONTACT_FORM_7 = Preset(name="contact_form_7", recognises=_recognises, read=_read)
