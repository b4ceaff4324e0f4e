"""What a letter means: its kind, whom it is about, the form inside, what is new in it. Pure; guesses are display, raw
is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.types import Kind
from gateway.mail.parse import Letter
from gateway.mail.understand.customer import Customer, find_customer
from gateway.mail.understand.form import Form, find_form
from gateway.mail.understand.forward import Forward, find_forward
from gateway.mail.understand.history import Split, split_history
from gateway.mail.understand.kind import classify

__all__ = ["Customer", "Forward", "Understanding", "understand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What ``understand`` made of a letter."""

    kind: Kind
    reason: str
    """Why it is of that kind, a sentence."""
    customer: Customer
    form_fields: dict[str, str] | None
    forward: Forward | None
    new_text: str


def understand(letter: Letter, region: str) -> Understanding:
    """Read the meaning of ``letter``. ``region`` (ISO 3166, ``RU``) reads phones without a country code. Never
    raises.
    """
    split = split_history(letter.text)
    forward = find_forward(letter, split)
    form = _form(letter, split, forward)
    verdict = classify(letter, is_form=form is not None)
    if verdict.kind in (Kind.BOUNCE, Kind.AUTO_REPLY):
        forward = None  # it returns or quotes our own letter
    if verdict.kind is not Kind.MESSAGE and verdict.kind is not Kind.SPAM:
        form = None
    return Understanding(
        kind=verdict.kind,
        reason=verdict.reason,
        customer=find_customer(letter, split, form, forward, region),
        form_fields=dict(form.fields) if form is not None else None,
        forward=forward,
        new_text=_new_text(letter, split, forward, form),
    )


def _form(letter: Letter, split: Split, forward: Forward | None) -> Form | None:
    """A form is looked for in the letter's own words, or in the letter that a colleague passed on."""
    if letter.report_type or "message/delivery-status" in letter.content_types:
        return None
    if forward is not None:
        return find_form(f"{forward.text}\n{forward.signature}")
    whole = split.new if split.blocks else letter.text
    # Labelled phone and address in a signature are no form; below a "--" that a site prints there may be one.
    return find_form(whole) if find_form(split.new) else find_form(whole, sure=True)


def _new_text(letter: Letter, split: Split, forward: Forward | None, form: Form | None) -> str:
    """The writer's own words; of a bare forward those of the first writer; of a form everything."""
    if form is not None and not split.blocks:
        return letter.text.strip()
    if split.new or forward is None:
        return split.new
    return forward.text
