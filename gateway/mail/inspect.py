"""``leadgate inspect mail``: the bytes of one .eml file to the record that docs/contracts.md fixes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from gateway.core.types import Json
from gateway.mail.parse import Letter, Mailbox, read_headers_only, read_letter
from gateway.mail.parse.authentication import authentication
from gateway.mail.parse.letter import message_id
from gateway.mail.understand import Understanding, understand
from gateway.mail.understand.automatic import why_no_answer


def inspect_file(file: Path, *, region: str, now: datetime | None = None) -> dict[str, Json]:
    """The record of one .eml file. Raises OSError when the file can't be read, and nothing else."""
    return inspect_mail(file.read_bytes(), file=str(file), region=region, now=now)


def inspect_mail(
    raw: bytes, *, file: str, region: str, now: datetime | None = None, trusted: Collection[str] = ()
) -> dict[str, Json]:
    """The record of one letter; keys in the order of the contract. Never raises: what failed is a sentence in
    ``problems``.

    ``now`` tells which dates are absurd; the machine's clock when None. ``trusted``: whose
    Authentication-Results count.
    """
    moment = now or datetime.now(UTC)
    trouble: tuple[str, ...] = ()
    try:
        letter = read_letter(raw, moment)
    except Exception as error:
        letter, trouble = read_headers_only(raw, moment), (_could_not_parse(error),)
    found = record(letter, understand(letter, region), trouble)
    return {"file": file, **found, "authentication": authentication(letter.headers, trusted)}


def _could_not_parse(error: Exception) -> str:
    """The sentence for a letter of which only the headers are known."""
    return f"The letter could not be parsed ({type(error).__name__}); only its headers were read."


def record(letter: Letter, meaning: Understanding, trouble: tuple[str, ...] = ()) -> dict[str, Json]:
    """The fields of the contract without ``file``; then ``kind_reason``, ``forwarded``, ``no_auto_answer`` and
    ``enclosed_message_id``, which are ours.
    """
    customer = meaning.customer
    return {
        "message_id": letter.message_id,
        "from": _mailbox(letter.from_),
        "reply_to": _mailbox(letter.reply_to),
        "to": [box.email for box in letter.to],
        "cc": [box.email for box in letter.cc],
        "subject": letter.subject,
        "date": letter.date.isoformat() if letter.date else None,
        "text": letter.text,
        "new_text": meaning.new_text,
        "attachments": [
            {"name": file.name, "content_type": file.content_type, "size": file.size} for file in letter.attachments
        ],
        "kind": meaning.kind.value,
        "customer": {"name": customer.name, "email": customer.email, "phones": list(customer.phones)},
        "form_fields": meaning.form_fields,
        "in_reply_to": letter.in_reply_to,
        "references": list(letter.references),
        "problems": [*letter.problems, *trouble],
        "kind_reason": meaning.reason,
        "forwarded": meaning.forward is not None,
        "no_auto_answer": why_no_answer(letter),
        "enclosed_message_id": message_id(letter.enclosed.raw("message-id")) if letter.enclosed else None,
    }


def _mailbox(box: Mailbox | None) -> dict[str, Json] | None:
    return {"name": box.name or None, "email": box.email or None} if box is not None else None
