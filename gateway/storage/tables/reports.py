"""What the reports remember of days is valid as long as these numbers stay."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.storage.tables.base import Base


class ReportDay(Base):
    """How often the figures of a UTC day changed. Written by triggers only; a day without a row never had any."""

    __tablename__ = "report_day"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """``call``, ``lead`` or ``duty``."""
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    """``2026-11-23``"""
    version: Mapped[int]
