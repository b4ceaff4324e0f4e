"""From a submission to a Draft: format, builder, meaning, person, source, text. Pure, and never raises on any bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.types import Direction, Draft, Json, Kind, Phase, Source
from gateway.webforms import files
from gateway.webforms.attribution import attribution
from gateway.webforms.body import TOO_MANY, Body, pairs_of, read_body
from gateway.webforms.controls import take_controls, wanted_page
from gateway.webforms.labels import SENT_ALONG, Meaning, meaning_of
from gateway.webforms.mapping import read_mapped
from gateway.webforms.person import Person, person_of
from gateway.webforms.presets import PRESETS, preset_named, recognise
from gateway.webforms.presets.base import Answer, Preset, Reading
from gateway.webforms.proof import Proof, shared_secret, standard_webhooks
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Submission
from gateway.webforms.text import MAX_VALUE, decode_text, storable

Labelled = tuple[Meaning, Answer]

_TICKED = frozenset({"on", "yes", "y", "1", "true", "да", "checked", "accepted", "agree", "согласен", "согласна"})
MAPPED = Preset(name="mapping", recognises=lambda _: True, read=lambda _: Reading(answers=()))
"""Stands in the details of what was read by the owner's own mapping."""
MAX_HEADER = 500
"""Characters of a header that are kept in the details."""


@dataclass(frozen=True, slots=True)
class Understood:
    """A Draft, and the builder's own id of the submission."""

    draft: Draft
    sender_id: str | None
    wanted: str | None = None
    """The sender gave only an id: what its answers are to be asked for by."""
    parts: tuple[bytes, ...] = ()
    """Where the body carries several leads: each as a JSON body of its own, to be read instead of this."""
    next_page: str | None = None
    """Where the form asks to go next."""
    message: str = ""
    """What the visitor wrote, without the other answers."""


def understand(
    submission: Submission,
    form: FormSettings,
    *,
    region: str,
    received_at: datetime,
    quarantine: bool = False,
    spam: str | None = None,
    remark: str | None = None,
) -> Understood:
    """Read a submission. What can't be read becomes a sentence in ``problems``; the raw bytes stay with the item.

    ``spam`` is the sentence by which a guard took it for spam, ``remark`` one about what it could not check.
    """
    whole = _with_query(read_body(submission.raw, submission.content_type), submission)
    body, controls = take_controls(whole, form.honeypot)
    if form.secret and "secret" in body.roots:  # it proved the sender, and is nobody's answer
        body = body.without(frozenset({"secret"}))
    if controls.trap is not None and spam is None:
        spam = f"The hidden field {controls.trap[:100]}, which people do not see, was filled in."
    problems: list[str] = [remark] if remark else []
    preset, reading = _read(body, form, submission, problems)
    empty = not (body.pairs or body.files or body.text)
    problems[:0] = [one for one in body.problems if not (preset.whole and one == TOO_MANY)]
    problems += [*reading.problems, *_remarks(submission, form, empty=empty), *files.remarks(body.files, form)]
    labelled = [(answer.meaning or meaning_of(answer.label), answer) for answer in reading.answers]
    filled = [pair for pair in labelled if pair[0] not in SENT_ALONG]
    sent_along = [pair for pair in labelled if pair[0] in SENT_ALONG]
    person = person_of(filled, region)
    draft = Draft(
        direction=Direction.INBOUND,
        phase=Phase.ENDED,
        occurred_at=received_at,
        kind=_kind(test=reading.test or (empty and spam is None), spam=quarantine or spam is not None),
        handles=person.handles,
        name=person.name,
        company=person.company,
        line=form.key,
        subject=_first(filled, Meaning.SUBJECT),
        text=body.text or text_of(filled, person),
        fields=fields_of(filled),
        source=attribution(
            [(meaning, answer.label, answer.value) for meaning, answer in sent_along],
            submission.query,
            name=form.title,
            page=submission.referer[:2000] if submission.referer else None,
        ),
        attachments=files.listed(body.files, form),
        problems=tuple(problems),
        details=_details(submission, preset, reading, labelled, quarantine=quarantine, spam=spam),
    )
    return Understood(
        draft,
        reading.sender_id or submission.message_id or controls.submission_id,
        wanted=reading.wanted,
        parts=_parts(preset, body),
        next_page=wanted_page(body) if submission.browser and not form.redirect else None,
        message="\n".join([answer.value for meaning, answer in filled if meaning is Meaning.MESSAGE]),
    )


def as_spam(understood: Understood, why: str) -> Understood:
    """The same, taken for spam. A test ping stays one."""
    draft = understood.draft
    if draft.kind is not Kind.MESSAGE:
        return understood
    return replace(understood, draft=replace(draft, kind=Kind.SPAM, details={**draft.details, "spam": why}))


def _remarks(submission: Submission, form: FormSettings, *, empty: bool) -> list[str]:
    remarks = ["The submission was empty."] if empty else []
    if form.origins and submission.origin is not None and submission.origin not in form.origins:
        remarks.append(f"It came from {submission.origin[:MAX_HEADER]}, which is not among the origins of this form.")
    return remarks


def is_proven(form: FormSettings, proof: Proof) -> bool:
    """Whether the sender knows the form's secret, or the one before it, in a way that fits what it is.

    A form without a preset takes any builder's way: each needs the secret.
    """
    wanted = preset_named(form.preset) if form.preset else None
    own = wanted.verify if wanted is not None else None
    ways = [own] if own else [preset.verify for preset in PRESETS if preset.verify]
    secrets = [secret for secret in (form.secret, form.previous_secret) if secret]
    return any(way(proof, secret) for secret in secrets for way in (*ways, standard_webhooks, shared_secret))


def _parts(preset: Preset, body: Body) -> tuple[bytes, ...]:
    several = preset.split(body) if preset.split is not None else ()
    return tuple(json.dumps(one).encode() for one in several) if len(several) > 1 else ()


def not_understood(
    submission: Submission, form: FormSettings, *, received_at: datetime, quarantine: bool
) -> Understood:
    """For a fault of ours in ``understand``: the submission is kept and opens a lead, and says what is the matter."""
    draft = Draft(
        direction=Direction.INBOUND,
        phase=Phase.ENDED,
        occurred_at=received_at,
        kind=_kind(test=False, spam=quarantine),
        line=form.key,
        text=decode_text(submission.raw[:MAX_VALUE], None)[0].replace("\0", ""),
        source=Source(name=form.title),
        problems=("Leadgate failed to read this submission: it is shown as it came.",),
        details={"quarantine": True} if quarantine else {},
    )
    return Understood(draft, None)


def _with_query(body: Body, submission: Submission) -> Body:
    """Scripts that put their answers into the address post an empty body."""
    if submission.raw or not submission.query:
        return body
    return Body(pairs=pairs_of((storable(name), storable(value)) for name, value in submission.query[:100]))


def _read(body: Body, form: FormSettings, submission: Submission, problems: list[str]) -> tuple[Preset, Reading]:
    if form.mapping:
        return MAPPED, read_mapped(body, form.mapping)
    preset = preset_for(body, form, problems)
    if preset.uses_query and submission.query:
        more = pairs_of((storable(name), storable(value)) for name, value in submission.query[:100])
        body = replace(body, pairs=(*more, *body.pairs))
    return preset, preset.read(body)


def preset_for(body: Body, form: FormSettings, problems: list[str]) -> Preset:
    """The preset that the form names where the body has its shape, else the first that knows the shape."""
    wanted = preset_named(form.preset) if form.preset else None
    if wanted is not None and wanted.recognises(body):
        return wanted
    found = recognise(body)
    if wanted is not None and body.pairs:
        problems.append(f"The form's preset is {wanted.name}, but this has not its shape: read as {found.name}.")
    return found


def _kind(*, test: bool, spam: bool) -> Kind:
    if test:
        return Kind.TEST
    return Kind.SPAM if spam else Kind.MESSAGE


def text_of(filled: Sequence[Labelled], person: Person) -> str:
    """The enquiry as a person reads it: the message, then every answer that is not shown elsewhere, in order."""
    message, subject = _place(filled, Meaning.MESSAGE), _place(filled, Meaning.SUBJECT)
    lines = [
        f"{answer.label}: {answer.value}"
        for place, (meaning, answer) in enumerate(filled)
        if place not in (message, subject) and place not in person.used and not _is_ticked_consent(meaning, answer)
    ]
    if message is None:
        return "\n".join(lines)
    return "\n".join([filled[message][1].value, "", *lines]) if lines else filled[message][1].value


def _is_ticked_consent(meaning: Meaning, answer: Answer) -> bool:
    """True for a consent that says nothing about the enquiry; it stands in the details."""
    return meaning is Meaning.CONSENT and answer.value.lower() in _TICKED


def _place(filled: Sequence[Labelled], wanted: Meaning) -> int | None:
    return next((place for place, pair in enumerate(filled) if pair[0] is wanted), None)


def fields_of(filled: Sequence[Labelled]) -> dict[str, str]:
    """Everything that was filled in, in order; a label that comes again gets a number."""
    fields: dict[str, str] = {}
    for _, answer in filled:
        label, number = answer.label, 2
        while label in fields:
            label = f"{answer.label} ({number})"
            number += 1
        fields[label] = answer.value
    return fields


def _details(
    submission: Submission,
    preset: Preset,
    reading: Reading,
    labelled: Sequence[Labelled],
    *,
    quarantine: bool,
    spam: str | None,
) -> Mapping[str, Json]:
    """The delivery's own facts. The visitor's address and program come from the hook, else from the browser itself."""
    own = submission if submission.browser else None
    details: dict[str, Json] = {
        "preset": preset.name,
        "form_id": reading.form_id,
        "form_name": reading.form_name,
        "sender_id": reading.sender_id,
        "ip": _first(labelled, Meaning.IP) or (own.address if own else None),
        "user_agent": _first(labelled, Meaning.USER_AGENT) or (own.user_agent if own else None),
        "consent": {answer.label: answer.value for meaning, answer in labelled if meaning is Meaning.CONSENT},
        "quarantine": quarantine,
        "spam": spam,
    }
    return {key: value for key, value in details.items() if value}


def _first(labelled: Sequence[Labelled], wanted: Meaning) -> str | None:
    return next((answer.value for meaning, answer in labelled if meaning is wanted), None)
