"""What lists and reports ask of calls, as columns."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PAGE = 1000


def upgrade() -> None:
    """To this schema."""
    with op.batch_alter_table("interaction") as batch:
        batch.add_column(sa.Column("missed_reason", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("queue", sa.Text(), nullable=True))
        batch.add_column(sa.Column("wait_seconds", sa.Double(), nullable=True))
        batch.add_column(sa.Column("talk_seconds", sa.Double(), nullable=True))
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """The columns of the calls that are there, from their records."""
    table = sa.table(
        "interaction",
        *(sa.column(name) for name in ("id", "channel", "details", "missed_reason", "queue")),
        sa.column("wait_seconds", sa.Double()),
        sa.column("talk_seconds", sa.Double()),
    )
    page = sa.select(table.c.id, table.c.details).where(table.c.channel == "call").order_by(table.c.id).limit(PAGE)
    write = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row"))
        .values({name: sa.bindparam(name) for name in ("missed_reason", "queue", "wait_seconds", "talk_seconds")})
    )
    rows = connection.execute(page).all()
    while rows:
        connection.execute(write, [{"row": row.id, **_values(msgspec.json.decode(row.details))} for row in rows])
        rows = connection.execute(page.where(table.c.id > rows[-1].id)).all()


def _values(details: dict[str, Any]) -> dict[str, Any]:
    reason, queue = details.get("missed_reason"), details.get("queue")
    return {
        "missed_reason": str(reason)[:40] if reason else None,
        "queue": str(queue) if queue else None,
        "wait_seconds": _seconds(details.get("wait_seconds")),
        "talk_seconds": _seconds(details.get("talk_seconds")),
    }


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
