"""What senders are answered. Never 404 or 410: those make builders such as Typeform switch a hook off for good."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from gateway.core.types import Kind, Outcome, Receipt
from gateway.webforms.settings import FormSettings
from gateway.webforms.submission import Answer, Submission
from gateway.webforms.understand import Understood

RETRY_SECONDS = 30


def unknown_form() -> Answer:
    """For a key that no form has."""
    return Answer(status=403, body={"error": "There is no form with this key."})


def unproven() -> Answer:
    """For a form with a secret, when the sender does not show that it knows it."""
    return Answer(status=403, body={"error": "The signature or secret of this request is missing or wrong."})


def too_large(form: FormSettings) -> Answer:
    """For a body above the form's limit."""
    return Answer(status=413, body={"error": f"The submission is larger than {form.max_size} bytes."})


def too_slow(form: FormSettings) -> Answer:
    """For a body that does not arrive."""
    return Answer(status=408, body={"error": f"The submission did not arrive within {form.body_seconds:g} seconds."})


def broken_body() -> Answer:
    """For a body that is cut off or can't be decompressed."""
    return Answer(status=400, body={"error": "The submission did not arrive whole, or its Content-Encoding is wrong."})


def try_again(reason: str) -> Answer:
    """For what can't be taken now."""
    return Answer(status=503, body={"error": f"{reason} Please try again."}, retry_after=RETRY_SECONDS)


def conflict(receipt: Receipt) -> Answer:
    """For an ``Idempotency-Key`` that came before with other content (draft-ietf-httpapi-idempotency-key-header-07).

    The content is stored all the same, as spam that a person can bring back: a customer may stand behind it.
    """
    told = "This Idempotency-Key was used for other content before: send each submission with a key of its own."
    return Answer(status=422, body={"id": receipt.interaction_id, "status": "conflict", "error": told})


def stored(
    form: FormSettings, submission: Submission, understood: Understood, receipt: Receipt, *, quarantine: bool
) -> Answer:
    """For what is durable. Spam is answered like anything else."""
    test = understood.draft.kind is Kind.TEST
    if quarantine and not test:
        told = {"id": receipt.interaction_id, "status": "quarantine", "error": "Too many submissions."}
        return Answer(status=429, body=told, retry_after=60)
    status = "test" if test else "duplicate" if receipt.outcome is Outcome.DUPLICATE else "stored"
    body = {"id": receipt.interaction_id, "status": status}
    page = next_page(form, submission, understood.next_page) if submission.browser else None
    if page is None:
        return Answer(status=200, body=body)
    if submission.navigating:
        return Answer(status=303, body=body, location=page)
    return Answer(status=200, body={**body, "redirect": page})


def next_page(form: FormSettings, submission: Submission, wanted: str | None) -> str | None:
    """Where a browser goes now: the form's own setting, else the page's wish (``_next``) within its own site.

    A wish may lead only to where the visitor came from or to one of the form's origins, so that nobody can use us to
    send people elsewhere.
    """
    if form.redirect or not wanted or submission.origin is None:
        return form.redirect or None
    try:
        whole = urljoin(f"{submission.origin}/", wanted.strip())
        parts = urlsplit(whole)
    except ValueError:
        return None
    there = f"{parts.scheme}://{parts.netloc}"
    plain = parts.scheme in ("http", "https") and whole.isprintable() and " " not in whole and "\\" not in whole
    return whole if plain and there in (submission.origin, *form.origins) else None
