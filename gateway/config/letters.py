"""What only the whole file shows of senders: two of one name, and names that point nowhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from gateway.config.convert import Problem
from gateway.outgoing.settings import AcknowledgementSettings, NoticesSettings, SenderSettings


def letters_problems(
    senders: Sequence[SenderSettings],
    notices: NoticesSettings,
    acknowledgements: Sequence[AcknowledgementSettings],
    mailboxes: Sequence[str],
) -> Iterable[Problem]:
    """``mailboxes``: the names of all [[mailbox]]."""
    names = [sender.name for sender in senders]
    for position, sender in enumerate(senders):
        if sender.name in names[:position]:
            sentence = f"{sender.name!r} is the name of another [[sender]]. Give each a name of its own."
            yield Problem(("sender", position, "name"), sentence)
        if sender.default and any(other.default for other in senders[:position]):
            yield Problem(("sender", position, "default"), "another [[sender]] is the default. Mark one only.")
        if sender.mailbox and sender.mailbox not in mailboxes:
            yield Problem(("sender", position, "mailbox"), _nobody("[[mailbox]]", sender.mailbox, mailboxes))
    if notices.sender and notices.sender not in names:
        yield Problem(("notices", "sender"), _nobody("[[sender]]", notices.sender, names))
    for position, acknowledgement in enumerate(acknowledgements):
        if acknowledgement.sender and acknowledgement.sender not in names:
            problem = _nobody("[[sender]]", acknowledgement.sender, names)
            yield Problem(("acknowledgement", position, "sender"), problem)
        if not senders:
            sentence = "no [[sender]] is configured, so nothing can be sent. Add one."
            yield Problem(("acknowledgement", position), sentence)


def _nobody(table: str, name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    known = f"There are: {', '.join(names)}." if names else f"There is no {table} at all."
    return f"there is no {table} {name!r}. {f'Did you mean {near[0]}?' if near else known}"
