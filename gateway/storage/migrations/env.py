"""Alembic's entry: runs the migrations on the connection that ``migrations.upgrade_engine`` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from gateway.storage.columns import JsonText, UtcDateTime
from gateway.storage.tables import Base


def render_plainly(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as what they are in the database: a migration must not change when the program does."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JsonText):
        return "sa.Text()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
    render_item=render_plainly,
    render_as_batch=True,  # SQLite can't alter most things in place
)
context.run_migrations()
