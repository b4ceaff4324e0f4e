"""Tilda's webhook: urlencoded, or JSON from its marketplace, with the same keys (help-ru.tilda.cc/formsscript).

It waits 5 s for a 200 and tries twice more, a minute apart, with the same ``tranid``. Saving the hook sends
``test=test``.
"""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of

_SERVICE = frozenset({"tranid", "formid", "formname", "test"})
_MEANINGS = {"COOKIES": Meaning.COOKIES, "Checkbox": Meaning.CONSENT, "Textarea": Meaning.MESSAGE}
"""Tilda's own names of fields that their owner did not name. The checkbox is the consent in its templates."""


def _recognises(body: Body) -> bool:
    return "tranid" in body.roots or _is_ping(body)


def _is_ping(body: Body) -> bool:
    return body.pairs == ((("test",), "test"),)


def _read(body: Body) -> Reading:
    answers = [
        Answer(label=label_of(path), value=value, meaning=_MEANINGS.get(path[0]))
        for path, value in body.pairs
        if path[0] not in _SERVICE
    ]
    return Reading(
        answers=tuple(answers),
        sender_id=body.value("tranid"),
        test=_is_ping(body),
        form_id=body.value("formid"),
        form_name=body.value("formname"),
    )


TILDA = Preset(name="tilda", cues=frozenset({"tranid", "test"}), recognises=_recognises, read=_read)
