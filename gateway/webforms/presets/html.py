"""Any other form: a plain HTML form, a script that posts one. Meanings are told by the labels alone.

The control fields of Formspree and Netlify (``_subject``, ``_replyto``, ``form-name``) mean what they mean there.
"""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of

_MEANINGS = {"_subject": Meaning.SUBJECT, "_replyto": Meaning.EMAIL}
_FORM_NAME = "form-name"


def _recognises(_body: Body) -> bool:
    return True


def _read(body: Body) -> Reading:
    answers = [
        Answer(label_of(path), value, _MEANINGS.get(path[0])) for path, value in body.pairs if path[0] != _FORM_NAME
    ]
    return Reading(answers=tuple(answers), form_name=body.value(_FORM_NAME))


HTML = Preset(name="html", recognises=_recognises, read=_read)
