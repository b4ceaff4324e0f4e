"""Recordings of calls that CRMs are to be told of once their files are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WAITING = "ended_at IS NULL"


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "recording_news",
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["interaction_id"],
            ["interaction.id"],
            name="fk_recording_news_interaction_id_interaction",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("interaction_id", name="pk_recording_news"),
    )
    where = sa.text(WAITING)
    op.create_index(
        "ix_recording_news_due", "recording_news", ["due_at"], unique=False, sqlite_where=where, postgresql_where=where
    )
