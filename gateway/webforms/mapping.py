"""The owner's own mapping, for senders of no known shape: what an answer is, to the place where it stands.

``mapping = {phone = "customer.contacts.0.phone", "City" = "answers.3.value"}``. What is not mapped is read as always.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.types import Json
from gateway.webforms.body import Body, body_of_tree
from gateway.webforms.json_body import VALUE_KEYS
from gateway.webforms.labels import Meaning
from gateway.webforms.presets.base import Answer, Reading, plain_answers, some
from gateway.webforms.tree import said

MEANINGS = {
    meaning.value: meaning
    for meaning in (
        Meaning.NAME, Meaning.FIRST_NAME, Meaning.MIDDLE_NAME, Meaning.LAST_NAME, Meaning.PHONE, Meaning.EMAIL,
        Meaning.COMPANY, Meaning.MESSAGE, Meaning.SUBJECT, Meaning.CONTACT, Meaning.CONSENT, Meaning.PAGE,
        Meaning.REFERER, Meaning.COOKIES, Meaning.IP, Meaning.USER_AGENT,
    )
}  # fmt: skip
"""Left sides that say what an answer is; ``utm_*`` and click ids are told by their names, others are labels."""
IDENTITY = "id"
FORM_NAME = "form_name"
"""Left sides for the sender's own id of a submission and the name of its form."""


def read_mapped(body: Body, mapping: Mapping[str, str]) -> Reading:
    """A body by the owner's mapping; what it does not name follows, read by its labels."""
    tree = _copy(body.tree)
    found = {name: said(_take(tree, path.split("."))) for name, path in mapping.items()}
    answers = [
        Answer(name, value, MEANINGS.get(name))
        for name, value in found.items()
        if value and name not in (IDENTITY, FORM_NAME)
    ]
    rest = body_of_tree(tree) if body.json is not None else _without_paths(body, mapping)
    return Reading(
        answers=(*answers, *plain_answers(rest)),
        sender_id=some(found.get(IDENTITY)),
        form_name=some(found.get(FORM_NAME)),
        problems=_missing(found, mapping),
    )


def _missing(found: Mapping[str, str], mapping: Mapping[str, str]) -> tuple[str, ...]:
    """Said only where nothing at all was found: single answers may well be empty."""
    if any(found.values()):
        return ()
    return (f"Nothing stood where the form's mapping looks: {', '.join(mapping.values())}.",)


def _without_paths(body: Body, mapping: Mapping[str, str]) -> Body:
    taken = set(mapping.values())
    return Body(pairs=tuple(pair for pair in body.pairs if ".".join(pair[0]) not in taken))


def _copy(tree: Json, depth: int = 0) -> Json:
    """A copy that may be emptied; deeper than anything is read it is not needed."""
    if depth > 32:
        return tree
    if isinstance(tree, dict):
        return {key: _copy(value, depth + 1) for key, value in tree.items()}
    return [_copy(value, depth + 1) for value in tree] if isinstance(tree, list) else tree


def _take(tree: Json, parts: list[str]) -> Json:
    """What stands at the path, which is left empty. A question whose answer was taken goes with it."""
    holder, place = None, tree
    for part in parts[:-1]:
        holder, place = (place, part), _enter(place, part)
    last = parts[-1]
    value = _enter(place, last)
    if value is None:
        return None
    _leave(place, last)
    if holder is not None and last in VALUE_KEYS and isinstance(holder[0], list):
        _leave(*holder)
    return value


def _enter(place: Json, part: str) -> Json:
    if isinstance(place, dict):
        return place.get(part)
    position = _position(place, part)
    return None if position is None else place[position]


def _leave(place: Json, part: str) -> None:
    if isinstance(place, dict):
        place[part] = None
    elif (position := _position(place, part)) is not None:
        place[position] = None


def _position(place: Json, part: str) -> int | None:
    usable = isinstance(place, list) and part.isascii() and part.isdigit() and len(part) < 7
    return int(part) if usable and int(part) < len(place) else None
