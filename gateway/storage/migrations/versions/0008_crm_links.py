"""The map of ids at CRMs, and who is who there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "crm_link",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("local_id", sa.String(length=36), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("in_doubt", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("seen_owner", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("crm", "kind", "local_id", name="pk_crm_link"),
    )
    op.create_index("ix_crm_link_remote_id", "crm_link", ["crm", "kind", "remote_id"], unique=False)
    op.create_table(
        "crm_user",
        sa.Column("crm", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name="fk_crm_user_manager_id_manager", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("crm", "user_id", name="pk_crm_user"),
    )
    op.create_index("ix_crm_user_manager_id", "crm_user", ["manager_id"], unique=False)
