"""Files by their hash, what was refused, and the keys that senders gave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "stored_file",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=130), nullable=False),
        sa.Column("size", number, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("danger", sa.Text(), nullable=True),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name="fk_stored_file_interaction_id_interaction", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_stored_file"),
        sa.UniqueConstraint("interaction_id", "number", name="uq_stored_file_interaction_id_number"),
    )
    waiting = sa.text("sha256 IS NULL")
    op.create_index("ix_stored_file_sha256", "stored_file", ["sha256"], unique=False)
    op.create_index(
        "ix_stored_file_todo", "stored_file", ["id"], unique=False, sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        "delivery_note",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=True),
        sa.Column("interaction_id", sa.String(length=36), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_note"),
    )
    op.create_index("ix_delivery_note_source", "delivery_note", ["connector", "source", "id"], unique=False)
    op.create_index("ix_delivery_note_at", "delivery_note", ["connector", "at"], unique=False)
    op.create_table(
        "idempotency_claim",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_claim"),
    )
    op.create_index("ix_idempotency_claim_at", "idempotency_claim", ["at"], unique=False)
