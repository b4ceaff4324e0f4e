"""Letters and notices on their way out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this schema."""
    _outgoing()
    op.create_table(
        "outgoing_file",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("outgoing_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outgoing_id"], ["outgoing.id"], name="fk_outgoing_file_outgoing_id_outgoing", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_file"),
    )
    op.create_index("ix_outgoing_file_outgoing_id", "outgoing_file", ["outgoing_id"], unique=False)
    op.create_table(
        "outgoing_attempt",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("outgoing_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["outgoing_id"], ["outgoing.id"], name="fk_outgoing_attempt_outgoing_id_outgoing", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_attempt"),
    )
    op.create_index("ix_outgoing_attempt_outgoing_id", "outgoing_attempt", ["outgoing_id"], unique=False)


def _outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.String(length=36), nullable=True),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("manager_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=10), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing"),
        sa.UniqueConstraint("key", name="uq_outgoing_key"),
        sa.UniqueConstraint("token", name="uq_outgoing_token"),
    )
    waiting = sa.text("state = 'waiting'")
    unsettled = sa.text("state IN ('sending', 'failed', 'unknown')")
    op.create_index(
        "ix_outgoing_due", "outgoing", ["due_at", "id"], sqlite_where=waiting, postgresql_where=waiting, unique=False
    )
    op.create_index(
        "ix_outgoing_open", "outgoing", ["state"], sqlite_where=unsettled, postgresql_where=unsettled, unique=False
    )
    op.create_index("ix_outgoing_recipient", "outgoing", ["recipient", "purpose", "created_at"], unique=False)
    op.create_index("ix_outgoing_purpose", "outgoing", ["purpose", "created_at"], unique=False)
    op.create_index("ix_outgoing_lead_id", "outgoing", ["lead_id"], unique=False)
    op.create_index("ix_outgoing_contact_id", "outgoing", ["contact_id"], unique=False)
