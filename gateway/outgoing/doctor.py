"""``leadgate doctor``: whether a sender's server lets us in. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.core.findings import Finding, Level
from gateway.core.sentences import Sentence, ended
from gateway.outgoing.settings import SenderSettings
from gateway.outgoing.submission import Credentials, Submission, SubmissionError, in_thread

SECONDS = 30.0
"""For connecting and signing in."""


async def examine_sender(
    sender: SenderSettings, sign_in: Callable[[SenderSettings], Awaitable[Credentials | None]]
) -> list[Finding]:
    """One finding."""
    subject = Sentence("sender %(name)s", {"name": sender.name})
    try:
        credentials = await sign_in(sender)
        submission = Submission(sender, credentials)
        guard = asyncio.get_running_loop().call_later(SECONDS, submission.abort)
        try:
            await in_thread(submission.check)
        finally:
            guard.cancel()
    except SubmissionError as error:
        remedy = Sentence("correct [[sender]] %(name)s; letters that wait for it are not lost.", {"name": sender.name})
        return [Finding(code="sender", level=Level.FAIL, subject=subject, said=ended(error), remedy=remedy)]
    values = {"server": f"{sender.host}:{sender.effective_port}", "address": sender.address}
    said = (
        Sentence("%(server)s lets us in without signing in; letters come from %(address)s.", values)
        if credentials is None
        else Sentence(
            "%(server)s lets us in as %(account)s; letters come from %(address)s.",
            {**values, "account": credentials.username},
        )
    )
    return [Finding(code="sender", level=Level.OK, subject=subject, said=said)]
