"""``leadgate doctor``: whether a sender's server lets us in. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.core.findings import Finding, Level
from gateway.outgoing.settings import SenderSettings
from gateway.outgoing.submission import Credentials, Submission, SubmissionError, in_thread

SECONDS = 30.0
"""For connecting and signing in."""


async def examine_sender(
    sender: SenderSettings, sign_in: Callable[[SenderSettings], Awaitable[Credentials | None]]
) -> list[Finding]:
    """One finding."""
    subject = f"sender {sender.name}"
    try:
        credentials = await sign_in(sender)
        submission = Submission(sender, credentials)
        guard = asyncio.get_running_loop().call_later(SECONDS, submission.abort)
        try:
            await in_thread(submission.check)
        finally:
            guard.cancel()
    except SubmissionError as error:
        remedy = f"correct [[sender]] {sender.name}; letters that wait for it are not lost."
        return [Finding(level=Level.FAIL, subject=subject, said=f"{error}.", remedy=remedy)]
    who = f"as {credentials.username}" if credentials is not None else "without signing in"
    place = f"{sender.host}:{sender.effective_port}"
    return [
        Finding(level=Level.OK, subject=subject, said=f"{place} lets us in {who}; letters come from {sender.address}.")
    ]
