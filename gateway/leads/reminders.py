"""What time alone brings about: tasks that fall due, leads that are stuck in a stage, leads on which nothing happens.

``sweep`` looks at what fell due between the last look and now, in the writer's transaction; what it tells has a key, so
telling it twice does no harm. The first look of a new installation goes back a day, not to the beginning of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.audit.log import GATEWAY
from gateway.core.by import By
from gateway.core.clock import NewId
from gateway.core.languages import texts_for
from gateway.leads import rules
from gateway.leads.desk import Desk
from gateway.leads.settings import StageSettings
from gateway.outgoing.queue import Notice, put_notice
from gateway.storage.tables import Contact, ContactHandle, Cursor, Lead, Manager, Task

CURSOR = "leads:reminders"
FIRST_LOOK = timedelta(days=1)
Words = Callable[[Callable[[str], str]], tuple[str, str]]
"""A notice's subject and text, given gettext of the reader's language."""
AT_ONCE = 200
"""Rows of one transaction: a few milliseconds of the writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One look, with what it works with."""

    desk: Desk
    at: datetime
    new_id: NewId
    language: str
    """Of managers who have not chosen one."""

    def run(self, connection: Connection) -> int:
        """Do what fell due since the last look; how many things. More than AT_ONCE of a kind: the rest comes later."""
        since = _last_look(connection) or self.at - FIRST_LOOK
        found = self._due_tasks(connection)
        full = found >= AT_ONCE
        for stage in self.desk.pipeline.stages:
            if stage.stuck is not None:
                count = self._stuck(connection, stage, since)
                found, full = found + count, full or count >= AT_ONCE
        for rule in self.desk.pipeline.settings.task:
            if rule.when == "quiet":
                count = self._quiet(connection, rule, since)
                found, full = found + count, full or count >= AT_ONCE
        if not full:
            _looked(connection, self.at)
        return found

    def _due_tasks(self, connection: Connection) -> int:
        query = (
            select(Task.id, Task.text, Task.kind, Task.lead_id, Task.contact_id, Task.owner_id, Task.due_at)
            .where(Task.status == "open", Task.due_at <= self.at, Task.reminded_at.is_(None))
            .order_by(Task.due_at, Task.id)
            .limit(AT_ONCE)
        )
        tasks = connection.execute(query).all()
        for task in tasks:
            connection.execute(update(Task).where(Task.id == task.id).values(reminded_at=self.at))
            self._notice(
                connection,
                task.owner_id,
                key=f"task:{task.id}:{task.due_at.isoformat()}",
                link=f"/leads/{task.lead_id}" if task.lead_id else f"/contacts/{task.contact_id}",
                words=_words_of_task(task.text),
                who=task.contact_id,
            )
        return len(tasks)

    def _stuck(self, connection: Connection, stage: StageSettings, since: datetime) -> int:
        """Leads that passed the stage's limit since the last look; each is told once a stay."""
        assert stage.stuck is not None
        limit = stage.stuck.length
        query = (
            select(Lead.id, Lead.manager_id, Lead.contact_id, Lead.stage_since)
            .where(
                Lead.status == "open",
                Lead.stage == stage.key,
                Lead.stage_since > since - limit - FIRST_LOOK,
                Lead.stage_since <= self.at - limit,
            )
            .order_by(Lead.stage_since, Lead.id)
        )
        told = 0
        for lead in connection.execute(query).all():
            if told >= AT_ONCE:
                break
            told += self._tell_stuck(connection, stage, lead)
        return told

    def _tell_stuck(self, connection: Connection, stage: StageSettings, lead: Any) -> bool:
        def words(gettext: Callable[[str], str]) -> tuple[str, str]:
            name = self.desk.pipeline.name(stage.key, gettext)
            subject = gettext("A lead has been in “%(stage)s” for more than %(span)s") % {
                "stage": name,
                "span": stage.stuck_after,
            }
            return subject, gettext("Go on with it, or close it with the reason.")

        key = f"stuck:{lead.id}:{lead.stage_since.isoformat()}"
        return self._notice(
            connection, lead.manager_id, key=key, link=f"/leads/{lead.id}", words=words, who=lead.contact_id
        )

    def _quiet(self, connection: Connection, rule: Any, since: datetime) -> int:
        span = rule.span.length
        query = (
            select(Lead.id, Lead.updated_at)
            .where(
                Lead.status == "open",
                Lead.updated_at > since - span - FIRST_LOOK,
                Lead.updated_at <= self.at - span,
            )
            .order_by(Lead.updated_at, Lead.id)
        )
        by = By(actor=GATEWAY, at=self.at, new_id=self.new_id)
        made = 0
        for lead in connection.execute(query).all():
            if made >= AT_ONCE:
                break
            made += rules.on_quiet(connection, self.desk, lead.id, rule, lead.updated_at, by)
        return made

    def _notice(
        self,
        connection: Connection,
        manager_id: str | None,
        *,
        key: str,
        link: str,
        words: Words,
        who: str | None,
    ) -> bool:
        """Put a notice in the manager's language; False where there is nobody to tell, or it was told."""
        if manager_id is None:
            return False
        language = connection.execute(select(Manager.language).where(Manager.id == manager_id)).scalar_one_or_none()
        subject, text = words(texts_for(language, self.language).gettext)
        name = _who(connection, who)
        notice = Notice(
            to_manager=manager_id,
            subject=subject,
            text=f"{name}\n\n{text}" if name else text,
            link=link,
            urgency="warning",
        )
        return put_notice(connection, notice, key=key, at=self.at, new_id=self.new_id) is not None


def _words_of_task(text: str) -> Words:
    return lambda gettext: (gettext("Task: %(text)s") % {"text": _line(text)}, text)


def _line(text: str) -> str:
    """The first line, short enough for a subject."""
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= 100 else first[:99] + "…"


def _who(connection: Connection, contact_id: str | None) -> str:
    """The contact's name, or a handle of it."""
    if contact_id is None:
        return ""
    name = connection.execute(select(Contact.name).where(Contact.id == contact_id)).scalar_one_or_none()
    handle = select(ContactHandle.value).where(ContactHandle.contact_id == contact_id).order_by(ContactHandle.id)
    return name or connection.execute(handle.limit(1)).scalar_one_or_none() or ""


def _last_look(connection: Connection) -> datetime | None:
    value = connection.execute(select(Cursor.value).where(Cursor.name == CURSOR)).scalar_one_or_none()
    return datetime.fromisoformat(value["at"]) if value else None


def _looked(connection: Connection, at: datetime) -> None:
    values = {"value": {"at": at.isoformat()}, "updated_at": at}
    if not connection.execute(update(Cursor).where(Cursor.name == CURSOR).values(**values)).rowcount:
        connection.execute(insert(Cursor), {"name": CURSOR, **values})
