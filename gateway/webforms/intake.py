"""The forms' Source: takes submissions, makes them durable through the Sink, and says what the sender is answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import aiohttp

from gateway.core.clock import Clock
from gateway.core.errors import ConfigError, StoreUnavailable
from gateway.core.ports import Cursors, DeliveryLog, Sink, SourceHealth
from gateway.core.sentences import NOTHING, Sentence, as_sentence, verbatim
from gateway.core.types import Channel, Inbound, Json, Outcome, Receipt
from gateway.webforms.answers import conflict, stored, try_again, unknown_form, unproven
from gateway.webforms.body import read_body
from gateway.webforms.captcha import Captcha
from gateway.webforms.completer import Completer
from gateway.webforms.guards import PerMinute
from gateway.webforms.once import Once, claim_key, content_digest
from gateway.webforms.proof import Proof
from gateway.webforms.screening import PASSED, Screened, Screening
from gateway.webforms.settings import FormSettings
from gateway.webforms.signing import Signer, new_key, stored_key
from gateway.webforms.state import FormState
from gateway.webforms.submission import Answer, Submission
from gateway.webforms.understand import Understood, as_spam, is_proven, not_understood, understand
from gateway.webforms.vendors import fetcher_of

log = logging.getLogger(__name__)

CONNECTOR = "form"
FLOOD = 10
"""Above so many times the limit a minute a form is under attack: no more is stored, so that the disk does not fill."""
ACCEPT_SECONDS = 15.0
"""How long a sender waits for durability before it is asked to try again; the Sink spools after two."""
CLAIM_SECONDS = 1.0
"""How long it may take to look up a sender's key: a database that is locked answers after five, when form builders have
given up."""
STOP_SECONDS = 5.0
"""How long the stop waits for submissions that are being stored; the whole gateway has ten seconds."""
OFFLOADED = 256 * 1024
"""Bytes from which a submission is taken apart in a thread, so that the event loop stays free."""

CONFLICT = "Its Idempotency-Key came before with other content."


class Result(NamedTuple):
    """What became of a submission."""

    understood: Understood
    receipt: Receipt
    conflict: bool = False
    """Its ``Idempotency-Key`` stands for other content."""


class FormIntake:
    """All configured forms. A ``core.ports.Source``; its routes are mounted by the web room.

    ``key_file`` keeps the key of what pages get signed; without one it lives as long as the process. ``cursors`` keep
    when a form was heard of and which leads are to be completed; without them that, too, ends with the process.
    ``deliveries`` is told of duplicates and refusals, and remembers senders' keys; without it nobody is.
    """

    def __init__(
        self,
        forms: Iterable[FormSettings],
        sink: Sink,
        clock: Clock,
        *,
        region: str,
        key_file: Path | None = None,
        cursors: Cursors | None = None,
        deliveries: DeliveryLog | None = None,
    ) -> None:
        self._forms = _by_key(forms)
        self._states = {form.key: FormState(form) for form in self._forms.values()}
        self._sink = sink
        self._clock = clock
        self._region = region
        self._cursors = cursors
        self._deliveries = deliveries
        self._once = Once()
        self._rate = PerMinute()
        self.signer = Signer(new_key())
        self._key_file = key_file
        self._screening = Screening(self.signer)
        self._completers = {
            form.key: Completer(form, fetcher, clock, self._store_completed, cursors)
            for form in self._forms.values()
            if (fetcher := fetcher_of(form)) is not None
        }
        self._session: aiohttp.ClientSession | None = None
        self._stopping = False
        self._pending: set[asyncio.Task[Result]] = set()

    async def start(self) -> None:
        """Take up what an earlier run left. The web server carries the routes."""
        self._stopping = False
        if self._key_file is not None:
            self.signer.use(await asyncio.to_thread(stored_key, self._key_file))
        for state in self._states.values():
            if state.form.silent_days and self._cursors is not None:
                now = self._clock.now()
                if not state.remember(await self._cursors.get(state.cursor_name), now):
                    await self._cursors.put(state.cursor_name, state.as_stored(now))
        if self._completers or any(form.captcha is not None for form in self._forms.values()):
            self._session = aiohttp.ClientSession(trust_env=True)
            self._screening.captcha = Captcha(self._session)
            for completer in self._completers.values():
                await completer.start(self._session)

    async def stop(self) -> None:
        """From now on senders are asked to try again; what was begun becomes durable."""
        self._stopping = True
        if self._pending:
            await asyncio.wait(set(self._pending), timeout=STOP_SECONDS)
        for completer in self._completers.values():
            await completer.stop()
        if self._session is not None:
            self._screening.captcha = None
            await self._session.close()
            self._session = None

    def health(self) -> list[SourceHealth]:
        """One entry a form: whether its newest submission could be stored, when it came, whether it fell silent."""
        now = self._clock.now()
        troubles = {key: completer.trouble() for key, completer in self._completers.items()}
        return [state.health(now, troubles.get(key, NOTHING)) for key, state in self._states.items()]

    def form(self, key: str) -> FormSettings | None:
        """The settings of the form with this key, or with this former key."""
        return self._forms.get(key)

    def now(self) -> float:
        """Seconds since the epoch, for what is signed."""
        return self._clock.now().timestamp()

    async def submit(self, submission: Submission) -> Answer:
        """Make a submission durable. Never raises: what goes wrong is an answer.

        A sender that goes away meanwhile, which may cancel the caller, changes nothing for the submission.
        """
        form = self._forms.get(submission.form)
        if form is None:
            return unknown_form()
        if form.key != submission.form:
            log.info("A former key is still used", extra={"action": "form_former_key", "form": form.key})
            submission = replace(submission, form=form.key)
        if self._stopping:
            return try_again("The gateway is stopping.")
        if form.secret:  # before anything is counted: a stranger must not use up the real sender's limit
            if not self._is_proven(form, submission):
                return unproven()
            submission = replace(submission, query=tuple(pair for pair in submission.query if pair[0] != "secret"))
        over = self._over_limits(form, submission)
        if over > FLOOD:
            self.note(form, "flood", "Far too many submissions came: this one was not stored.", peer=submission.address)
            return try_again("Far too many submissions.")
        return await self._make_durable(form, submission, quarantine=over > 0)

    def note(
        self,
        form: FormSettings,
        outcome: str,
        detail: str,
        *,
        peer: str | None = None,
        interaction_id: str | None = None,
    ) -> None:
        """Tell the delivery log of something that is no new item."""
        if self._deliveries is not None:
            self._deliveries.note(form.key, outcome, detail, peer=peer, interaction_id=interaction_id)

    async def _make_durable(self, form: FormSettings, submission: Submission, *, quarantine: bool) -> Answer:
        task = asyncio.ensure_future(self._store(form, submission, quarantine=quarantine))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        await asyncio.wait((task,), timeout=ACCEPT_SECONDS)  # neither the time-out nor a cancel reaches the task
        if not task.done():
            return self._not_stored(form, TimeoutError(f"it takes more than {ACCEPT_SECONDS:g} s"))
        error = task.exception()
        if error is not None:
            return self._not_stored(form, error)
        result = task.result()
        self._note_result(form, submission, result, quarantine=quarantine)
        if result.conflict:
            return conflict(result.receipt)
        return stored(form, submission, result.understood, result.receipt, quarantine=quarantine)

    def _note_result(self, form: FormSettings, submission: Submission, result: Result, *, quarantine: bool) -> None:
        receipt = result.receipt
        if result.conflict:
            told = ("conflict", CONFLICT)
        elif receipt.outcome is Outcome.DUPLICATE:
            told = ("duplicate", "It came before, and was answered like the first.")
        elif quarantine:
            told = ("quarantine", "Too many submissions came: it is kept, and opens no lead.")
        else:
            return
        self.note(form, *told, peer=submission.address, interaction_id=receipt.interaction_id)

    async def _store(self, form: FormSettings, submission: Submission, *, quarantine: bool) -> Result:
        screened = await self._screening.screen(form, submission, self.now()) if form.guarded else PASSED
        if len(submission.raw) > OFFLOADED:
            understood = await asyncio.to_thread(self._understand, submission, form, quarantine, screened)
        else:
            understood = self._understand(submission, form, quarantine, screened)
        if submission.idempotency_key and understood.sender_id is None and await self._is_conflict(submission):
            return (await self._keep(form, submission, as_spam(understood, CONFLICT)))._replace(conflict=True)
        if not understood.parts:
            return await self._keep(form, submission, understood)
        result: Result | None = None
        for part in understood.parts:  # a batch: the sender is told of all of them when all are durable
            single = replace(submission, raw=part, content_type="application/json", message_id=None)
            result = await self._keep(form, single, self._understand(single, form, quarantine, screened))
        assert result is not None
        return result

    async def _is_conflict(self, submission: Submission) -> bool:
        """Whether the sender's key stands for other content already."""
        if self._deliveries is None:
            return False
        content = content_digest(submission).hex()
        try:
            async with asyncio.timeout(CLAIM_SECONDS):
                return await self._deliveries.claim(claim_key(submission), content) != content
        except (StoreUnavailable, TimeoutError):
            return False  # the item is spooled; nobody can know now

    async def _keep(self, form: FormSettings, submission: Submission, understood: Understood) -> Result:
        draft, state = understood.draft, self._states[form.key]
        key = self._once.key(submission, understood.sender_id, draft.occurred_at.timestamp())
        cursor = state.cursor(draft.kind, draft.occurred_at)
        item = Inbound(
            connector=CONNECTOR,
            source=form.key,
            channel=Channel.FORM,
            dedup_key=key,
            key=key,  # a submission is reported once, so report and interaction are the same
            raw=submission.raw,
            received_at=draft.occurred_at,
            draft=draft,
            meta=_meta(submission),
            cursor=cursor,
        )
        receipt = await self._sink.accept(item)
        state.came(draft.kind, draft.occurred_at, noted=cursor is not None)
        completer = self._completers.get(form.key)
        if understood.wanted is not None and completer is not None:
            await completer.remember(understood.wanted, key)
        return Result(understood, receipt)

    async def _store_completed(self, form: FormSettings, raw: bytes, key: str) -> None:
        """The answers of a lead whose number alone came first: another report of the same interaction."""
        submission = Submission(form=form.key, raw=raw, content_type="application/json")
        understood = self._understand(submission, form, False, PASSED)
        item = Inbound(
            connector=CONNECTOR,
            source=form.key,
            channel=Channel.FORM,
            dedup_key=f"{key}:completed",
            key=key,
            raw=raw,
            received_at=understood.draft.occurred_at,
            draft=understood.draft,
            meta=_meta(submission),
        )
        await self._sink.accept(item)

    def _understand(
        self, submission: Submission, form: FormSettings, quarantine: bool, screened: Screened
    ) -> Understood:
        at = self._clock.now()
        try:
            understood = understand(
                submission,
                form,
                region=self._region,
                received_at=at,
                quarantine=quarantine,
                spam=screened.spam,
                remark=screened.remark,
            )
            spam = self._screening.judge(form, understood, submission.origin, at.timestamp())
            return as_spam(understood, spam) if spam is not None else understood
        except Exception:
            # a fault of ours must not cost a customer: the raw bytes are kept and a person can read them
            log.exception("A submission could not be read", extra={"action": "form_not_read", "form": form.key})
            return not_understood(submission, form, received_at=at, quarantine=quarantine)

    def _is_proven(self, form: FormSettings, submission: Submission) -> bool:
        proof = Proof(
            raw=submission.raw,
            body=read_body(submission.raw, submission.content_type),
            headers=submission.proof,
            url=submission.url,
            query=submission.query,
            now=self.now(),
        )
        if is_proven(form, proof):
            return True
        self._states[form.key].refused_at = self._clock.now()
        self.note(form, "unproven", "Its signature or secret is missing or wrong.", peer=submission.address)
        log.warning(
            "A request did not prove who sent it",
            extra={"action": "form_unproven", "form": form.key, "peer": submission.address},
        )
        return False

    def _over_limits(self, form: FormSettings, submission: Submission) -> float:
        """0 within the limits; otherwise by how many times they are exceeded."""
        now = self._clock.monotonic()
        number = self._rate.count(form.key, now)
        excess = number / form.per_minute if number > form.per_minute else 0.0
        if number == form.per_minute + 1:
            log.warning("A form gets too many submissions", extra={"action": "form_flooded", "form": form.key})
        if submission.browser and submission.address is not None:
            visitor = self._rate.count(f"{form.key} {submission.address}", now)
            if visitor > form.per_address:
                excess = max(excess, 1.0)
            if visitor == form.per_address + 1:
                log.info(
                    "One address submits too often",
                    extra={"action": "form_address_flooded", "form": form.key, "peer": submission.address},
                )
        return excess

    def _not_stored(self, form: FormSettings, error: BaseException) -> Answer:
        reason = str(error) or type(error).__name__
        self.note(form, "failed", f"It could not be stored ({reason[:200]}): the sender was asked to try again.")
        words = as_sentence(error) or verbatim(reason)
        self._states[form.key].failure = Sentence(
            "The newest submission could not be stored (%(words)s).", {"words": words}
        )
        log.error(
            "A submission could not be stored",
            exc_info=error,
            extra={"action": "form_not_stored", "form": form.key},
        )
        return try_again("The submission could not be stored just now.")


def _by_key(forms: Iterable[FormSettings]) -> dict[str, FormSettings]:
    """Every key that works, former ones too. Raises ConfigError where two forms claim one."""
    found: dict[str, FormSettings] = {}
    for form in forms:
        for key in dict.fromkeys((form.key, *form.previous_keys)):
            if key in found:
                raise ConfigError(f'Two forms have key = "{key}": give each [[form]] its own key')
            found[key] = form
    return found


def _meta(submission: Submission) -> dict[str, Json]:
    """What is needed to read ``raw`` again, after a preset or a mapping has changed."""
    facts: dict[str, Json] = {
        "content_type": submission.content_type,
        "query": [list(pair) for pair in submission.query],
        "address": submission.address,
        "origin": submission.origin,
        "referer": submission.referer,
        "user_agent": submission.user_agent,
        "idempotency_key": submission.idempotency_key,
        "message_id": submission.message_id,
        "browser": submission.browser,
    }
    return {key: value for key, value in facts.items() if value}
