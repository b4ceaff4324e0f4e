"""Duties to call somebody back, the tries they stand for, their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    _callback()
    _callback_indexes()
    _callback_try()
    _callback_event()


def _callback() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "callback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("lead_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.String(length=36), nullable=True),
        sa.Column("owner_rule", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.String(length=36), nullable=True),
        sa.Column("claimed_at", moment, nullable=True),
        sa.Column("snoozed_until", moment, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_at", moment, nullable=False),
        sa.Column("last_at", moment, nullable=False),
        sa.Column("waiting_since", moment, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_attempt_at", moment, nullable=True),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("steps_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", moment, nullable=True),
        sa.Column("in_time", sa.Boolean(), nullable=True),
        sa.Column("close_reason", sa.String(length=24), nullable=True),
        sa.Column("closed_by", sa.String(length=36), nullable=True),
        sa.Column("closed_actor", sa.Text(), nullable=True),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("keep_until", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_callback_contact_id_contact", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name="fk_callback_lead_id_lead", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["owner_id"], ["manager.id"], name="fk_callback_owner_id_manager", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["claimed_by"], ["manager.id"], name="fk_callback_claimed_by_manager", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_callback"),
    )


def _callback_indexes() -> None:
    for name in ("contact_id", "lead_id", "owner_id"):
        op.create_index(f"ix_callback_{name}", "callback", [name], unique=False)
    waiting, awake = sa.text("closed_at IS NULL"), sa.text("next_at IS NOT NULL")
    op.create_index(
        "uq_callback_open_contact",
        "callback",
        ["contact_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_callback_next", "callback", ["next_at"], unique=False, sqlite_where=awake, postgresql_where=awake
    )
    op.create_index("ix_callback_opened_at", "callback", ["opened_at", "id"], unique=False)
    op.create_index("ix_callback_closed_at", "callback", ["closed_at", "id"], unique=False)
    op.create_index("ix_callback_closed_by", "callback", ["closed_by"], unique=False)


def _callback_try() -> None:
    op.create_table(
        "callback_try",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("callback_id", sa.String(length=36), nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["callback_id"], ["callback.id"], name="fk_callback_try_callback_id_callback", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_callback_try"),
        sa.UniqueConstraint("interaction_id", name="uq_callback_try_interaction_id"),
    )
    op.create_index("ix_callback_try_callback_id", "callback_try", ["callback_id"], unique=False)


def _callback_event() -> None:
    op.create_table(
        "callback_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("callback_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=True),
        sa.Column("interaction_id", sa.String(length=36), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["callback_id"], ["callback.id"], name="fk_callback_event_callback_id_callback", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name="fk_callback_event_manager_id_manager", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_callback_event"),
    )
    op.create_index("ix_callback_event_callback_id", "callback_event", ["callback_id", "id"], unique=False)
    known = sa.text("interaction_id IS NOT NULL")
    op.create_index(
        "uq_callback_event_interaction",
        "callback_event",
        ["callback_id", "kind", "interaction_id"],
        unique=True,
        sqlite_where=known,
        postgresql_where=known,
    )
