"""Where each letter was met, which process reads which mailbox folder, and an index for those that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "sighting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sighting"),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name="fk_sighting_interaction_id_interaction", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("source", "place", "mark", name="uq_sighting_source_place_mark"),
    )
    op.create_index("ix_sighting_interaction_id", "sighting", ["interaction_id"], unique=False)
    op.create_index("ix_sighting_seen_at", "sighting", ["source", "place", "seen_at"], unique=False)
    op.create_index(
        "ix_journal_ready",
        "journal",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'new' AND draft IS NOT NULL"),
        postgresql_where=sa.text("state = 'new' AND draft IS NOT NULL"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
