"""Who gets whom: absences, what was given to whom, whose turn it is, and days with other hours."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.columns import BigId, JsonText, Uuid
from gateway.storage.tables.base import Base


class Absence(Base):
    """A time in which a manager gets nobody: vacation, illness, a day off."""

    __tablename__ = "absence"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    """The first moment after it."""
    substitute_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """Who stands in; null: the next rule decides."""
    reason: Mapped[str]
    created_at: Mapped[datetime]
    keep_until: Mapped[datetime | None]


class Assignment(Base):
    """The log of who was given which lead, and by which rule or person."""

    __tablename__ = "assignment"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    lead_id: Mapped[str] = mapped_column(Uuid, ForeignKey("lead.id", ondelete="CASCADE"), index=True)
    manager_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """Null: taken from everybody."""
    before_id: Mapped[str | None] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="SET NULL"))
    """Whose it was."""
    rule: Mapped[str]
    """The rule's name; ``answered`` for who took the call; ``person`` where a person decided."""
    interaction_id: Mapped[str | None] = mapped_column(Uuid)
    """What caused it."""
    actor: Mapped[str]
    """As in ``audit``."""
    at: Mapped[datetime]
    keep_until: Mapped[datetime | None]


class Rotation(Base):
    """Whose turn it is, for each manager of each rule that takes turns."""

    __tablename__ = "rotation"

    rule: Mapped[str] = mapped_column(primary_key=True)
    manager_id: Mapped[str] = mapped_column(Uuid, ForeignKey("manager.id", ondelete="CASCADE"), primary_key=True)
    credit: Mapped[int]
    """How much more than his share he is owed; of those who may be given somebody the highest is next."""
    day: Mapped[date] = mapped_column(Date)
    """The local day that ``taken`` counts."""
    taken: Mapped[int]
    """How many he was given on that day."""


class HoursException(Base):
    """Days that differ from the week, entered by people; those of the configuration are not here."""

    __tablename__ = "hours_exception"

    id: Mapped[str] = mapped_column(Uuid, primary_key=True)
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    """The last of the days, itself one of them."""
    hours: Mapped[list[str]] = mapped_column(JsonText)
    """``["09:00-15:00"]``; empty: closed."""
    schedules: Mapped[list[str]] = mapped_column(JsonText)
    """Names of the schedules that it is for; empty: all."""
    reason: Mapped[str]
    created_by: Mapped[str] = mapped_column(String(60))
    """As the actor in ``audit``."""
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_hours_exception_last", "last"),)
