"""Standard Webhooks (standardwebhooks.com): any program that signs; ``{"type", "timestamp", "data": {...}}``.

The header ``webhook-id`` is the submission's own id: the same in a retry.
"""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of
from gateway.webforms.proof import standard_webhooks
from gateway.webforms.tree import at

_ENVELOPE = frozenset({"type", "timestamp"})


def _recognises(body: Body) -> bool:
    return {"type", "timestamp", "data"} <= body.roots and isinstance(at(body.tree, "data"), dict)


def _read(body: Body) -> Reading:
    answers = (Answer(label_of(path), value) for path, value in body.pairs if path[0] not in _ENVELOPE)
    return Reading(answers=tuple(answers), form_name=body.value("type"))


STANDARD_WEBHOOKS = Preset(
    name="standard_webhooks", cues=frozenset({"data"}), recognises=_recognises, read=_read, verify=standard_webhooks
)
