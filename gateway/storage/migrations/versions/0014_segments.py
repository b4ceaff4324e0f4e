"""Kept filters of contacts; the index behind the board of stages holds what it sums."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "segment",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=True),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("filters", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["manager.id"], name="fk_segment_owner_id_manager", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_segment"),
    )
    op.create_index("ix_segment_owner_id", "segment", ["owner_id"], unique=False)
    op.drop_index("ix_lead_open_stage", "lead")
    columns = ["stage", "stage_since", "id", "manager_id", "currency", "amount"]
    op.create_index(
        "ix_lead_open_stage",
        "lead",
        columns,
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
