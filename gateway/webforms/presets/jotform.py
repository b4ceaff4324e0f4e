"""Jotform: multipart, and in it the answers as JSON in the field ``rawRequest``; names and phones are objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import MAX_FIELDS, MAX_PATH, Body
from gateway.webforms.json_body import read_json
from gateway.webforms.labels import Meaning, meaning_of
from gateway.webforms.presets.base import Preset, Reading, answers_of
from gateway.webforms.tree import said, table

_QUESTION = re.compile(r"q\d+_(.+)")
_PARTS = {"first": Meaning.FIRST_NAME, "middle": Meaning.MIDDLE_NAME, "last": Meaning.LAST_NAME}
_SENT_ALONG = frozenset({Meaning.UTM, Meaning.CLICK_ID, Meaning.PAGE, Meaning.REFERER})


def _recognises(body: Body) -> bool:
    return {"rawRequest", "formID"} <= body.roots


def _read(body: Body) -> Reading:
    raw = body.value("rawRequest") or ""
    reading = read_json(raw.encode(), None, max_fields=MAX_FIELDS, max_depth=MAX_PATH)
    is_read = isinstance(reading.tree, dict)
    return Reading(
        answers=answers_of(_answers(table(reading.tree)) if is_read else [("rawRequest", raw, None)]),
        sender_id=body.value("submissionID"),
        form_id=body.value("formID"),
        form_name=body.value("formTitle"),
        problems=() if is_read else ("Jotform's rawRequest could not be read: it is shown as it came.",),
    )


def _answers(request: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for key, value in request.items():
        question = _QUESTION.fullmatch(key)
        if question is None:
            if meaning_of(key) in _SENT_ALONG:  # a hidden field that kept its own name
                yield key, value, None
            continue
        label = question.group(1)
        if isinstance(value, dict) and _PARTS.keys() & value.keys():
            for part, inner in value.items():
                yield f"{label}.{part}", inner, _PARTS.get(part)
        elif isinstance(value, dict):  # a phone as {area, phone} or {full}, an address, a date
            yield label, said(value), None
        else:
            yield label, value, None


JOTFORM = Preset(name="jotform", cues=frozenset({"rawRequest"}), recognises=_recognises, read=_read)
