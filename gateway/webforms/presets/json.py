"""JSON of no known builder: objects of any nesting, or a list of questions with their answers.

Meanings are told by the labels alone; ``contact.phone`` is labelled ``phone``, ``quiz.name`` keeps its path.
"""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.presets.base import Preset, Reading, plain_answers


def _recognises(body: Body) -> bool:
    return body.format == "json"


def _read(body: Body) -> Reading:
    return Reading(answers=plain_answers(body))


JSON = Preset(name="json", recognises=_recognises, read=_read)
