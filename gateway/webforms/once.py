"""One submission is one, however often it is sent.

The key is made without asking the store, which is the judge: it has a unique column for it.

- The builder's own id (Tilda's ``tranid``): the id alone.
- An ``Idempotency-Key`` header: the header and the content. Another content under the same key is an item of its own,
  which the intake marks; so a site that sends one constant key loses nothing.
- Neither: the content and the ten-minute slot of its first arrival. A visitor who presses the button twice, or a hook
  that tries again, falls into the same slot; a visitor who asks the same tomorrow does not. So that a slot's edge does
  not part two clicks, the slot of a content seen within ten minutes is remembered in memory. After a restart, or with
  two processes, the memory is empty: then two clicks across an edge are two items of one person, joined in one lead.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from gateway.webforms.body import parameter
from gateway.webforms.submission import Submission

WINDOW = 600
"""Seconds in which equal content is the same submission."""
REMEMBERED = 20_000
"""Contents in memory: 30 a second for ten minutes, at 200 bytes each 4 MB."""


class Once:
    """Makes the keys of submissions."""

    def __init__(self) -> None:
        self._slots: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def key(self, submission: Submission, sender_id: str | None, now: float) -> str:
        """The key of ``submission``, received at ``now`` (seconds since the epoch)."""
        if sender_id is not None:
            identity = b"id\n" + sender_id.encode("utf-8", "replace")
        elif submission.idempotency_key:
            header = submission.idempotency_key.encode("utf-8", "replace")
            identity = b"key\n" + header + b"\n" + content_digest(submission)
        else:
            content = submission.form.encode("ascii", "replace") + b"\n" + content_digest(submission)
            identity = b"slot\n%d\n" % self._slot(content, now) + content
        digest = hashlib.blake2b(identity, digest_size=16).hexdigest()
        return f"form:{submission.form}:{digest}"

    def _slot(self, content: bytes, now: float) -> int:
        known = self._slots.get(content)
        if known is not None and 0 <= now - known[1] < WINDOW:
            return known[0]
        slot = int(now // WINDOW)
        self._slots[content] = (slot, now)
        self._slots.move_to_end(content)
        if len(self._slots) > REMEMBERED:
            self._slots.popitem(last=False)
        return slot


def claim_key(submission: Submission) -> str:
    """What an ``Idempotency-Key`` is remembered by: the header's hash, within its form."""
    header = (submission.idempotency_key or "").encode("utf-8", "replace")
    return f"form:{submission.form}:{hashlib.blake2b(header, digest_size=16).hexdigest()}"


def content_digest(submission: Submission) -> bytes:
    """Of the raw body and the address's parameters. A multipart boundary is new each time, so it is left out."""
    raw = submission.raw
    boundary = parameter(submission.content_type, "boundary") if "boundary" in submission.content_type else None
    if boundary:
        raw = raw.replace(boundary.encode("utf-8", "replace"), b"")
    digest = hashlib.blake2b(raw, digest_size=16)
    if submission.query:
        digest.update(repr(submission.query).encode("utf-8", "replace"))
    return digest.digest()
