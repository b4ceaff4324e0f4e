"""Elementor Pro's webhook in both shapes: with "advanced data" (fields as objects) and without (labels as keys).

``form[name]`` is the name of the FORM: taken for the visitor's it names every lead "Contact form".
"""

from __future__ import annotations

from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Preset, Reading, label_of

_TYPES = {"email": Meaning.EMAIL, "tel": Meaning.PHONE, "acceptance": Meaning.CONSENT, "textarea": Meaning.MESSAGE}
"""Elementor's field types that say what the answer is."""
_META = {
    "page_url": Meaning.PAGE,
    "user_agent": Meaning.USER_AGENT,
    "remote_ip": Meaning.IP,
    "date": Meaning.SERVICE,
    "time": Meaning.SERVICE,
    "credit": Meaning.SERVICE,
}
_META_TITLES = {
    "Page URL": Meaning.PAGE,
    "User Agent": Meaning.USER_AGENT,
    "Remote IP": Meaning.IP,
    "Date": Meaning.SERVICE,
    "Time": Meaning.SERVICE,
    "Powered by": Meaning.SERVICE,
}
"""The same in the simple shape, by their English titles."""


def _recognises(body: Body) -> bool:
    return _is_advanced(body) or _is_simple(body)


def _is_advanced(body: Body) -> bool:
    return "fields" in body.roots and any(
        len(path) == 3 and path[0] == "fields" and path[2] == "value" for path, _ in body.pairs
    )


def _is_simple(body: Body) -> bool:
    roots = body.roots
    return "form_id" in roots and "form_name" in roots


def _read(body: Body) -> Reading:
    if _is_advanced(body):
        return Reading(
            answers=(*_fields(body), *_meta(body), *_others(body)),
            form_id=body.value("form", "id"),
            form_name=body.value("form", "name"),
        )
    answers = [
        Answer(label=label_of(path), value=value, meaning=_META_TITLES.get(path[0]))
        for path, value in body.pairs
        if path[0] not in ("form_id", "form_name")
    ]
    return Reading(answers=tuple(answers), form_id=body.value("form_id"), form_name=body.value("form_name"))


def _fields(body: Body) -> list[Answer]:
    """One answer a field. The title may be empty, the id never is; a hidden field is told by its id (utm_source)."""
    parts = {path[1:]: value for path, value in body.pairs if len(path) == 3 and path[0] == "fields"}
    answers = []
    for (key, part), value in parts.items():
        if part != "value":
            continue
        kind = parts.get((key, "type"), "")
        label = key if kind == "hidden" else parts.get((key, "title"), key)
        answers.append(Answer(label=label, value=value, meaning=_TYPES.get(kind)))
    return answers


def _meta(body: Body) -> list[Answer]:
    return [
        Answer(label=path[1], value=value, meaning=_META.get(path[1]))
        for path, value in body.pairs
        if len(path) == 3 and path[0] == "meta" and path[2] == "value"
    ]


def _others(body: Body) -> list[Answer]:
    """What somebody added to the hook: not of Elementor's shape, but filled in all the same."""
    return [
        Answer(label=label_of(path), value=value)
        for path, value in body.pairs
        if path[0] != "form" and not (len(path) == 3 and path[0] in ("fields", "meta"))
    ]


ELEMENTOR = Preset(name="elementor", cues=frozenset({"fields", "form_name"}), recognises=_recognises, read=_read)
