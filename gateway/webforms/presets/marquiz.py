"""Marquiz, the quiz builder (help.marquiz.ru): contacts, questions with answers, and where the visitor came from."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.core.types import Json
from gateway.webforms.body import Body
from gateway.webforms.labels import Meaning, click_id_name
from gateway.webforms.presets.base import Preset, Reading, answers_of, some
from gateway.webforms.tree import at, rows, table

_CONTACTS = {"name": Meaning.NAME, "phone": Meaning.PHONE, "email": Meaning.EMAIL, "text": Meaning.MESSAGE}
_EXTRA = {
    "href": Meaning.PAGE, "url": Meaning.PAGE, "referrer": Meaning.REFERER, "referer": Meaning.REFERER,
    "ip": Meaning.IP, "user_agent": Meaning.USER_AGENT,
}  # fmt: skip


def _recognises(body: Body) -> bool:
    roots = body.roots
    quiz = {"quiz", "contacts"} <= roots or {"quiz", "answers"} <= roots
    return quiz and isinstance(at(body.tree, "quiz"), dict)


def _read(body: Body) -> Reading:
    tree = table(body.tree)
    return Reading(
        answers=answers_of(_answers(tree)),
        form_id=some(at(tree, "quiz", "id")),
        form_name=some(at(tree, "quiz", "name")),
    )


def _answers(tree: dict[str, Json]) -> Iterator[tuple[str, Json, Meaning | None]]:
    for name, value in table(tree.get("contacts")).items():
        yield name, value, _CONTACTS.get(name)
    for number, answer in enumerate(rows(tree.get("answers")), 1):
        yield some(answer.get("q")) or f"{number}", answer.get("a"), Meaning.OTHER
    extra = table(tree.get("extra"))
    for name, value in table(extra.get("utm")).items():
        yield name if name.startswith("utm") else f"utm_{name}", value, Meaning.UTM
    for name, value in table(extra.get("cookies")).items():
        if click_id_name(name) is not None:
            yield name, value, Meaning.CLICK_ID
    for name, value in extra.items():
        if name not in ("utm", "cookies"):
            yield name, value, _EXTRA.get(name)
    for name, value in tree.items():
        if name not in ("contacts", "answers", "extra", "quiz", "created", "form", "raw"):
            yield name, value, None


MARQUIZ = Preset(name="marquiz", cues=frozenset({"quiz"}), recognises=_recognises, read=_read, whole=True)
