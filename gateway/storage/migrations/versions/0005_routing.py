"""Who gets whom: absences, the log of assignments, turns, days with other hours; people of the configuration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.add_column("manager", sa.Column("hours", sa.Text(), nullable=True))
    op.add_column("manager", sa.Column("configured_at", sa.DateTime(timezone=True), nullable=True))
    _absence()
    _assignment()
    op.create_table(
        "rotation",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=False),
        sa.Column("credit", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name="fk_rotation_manager_id_manager", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rule", "manager_id", name="pk_rotation"),
    )
    op.create_table(
        "hours_exception",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("schedules", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hours_exception"),
    )
    op.create_index("ix_hours_exception_last", "hours_exception", ["last"], unique=False)


def _absence() -> None:
    op.create_table(
        "absence",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("substitute_id", sa.String(length=36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name="fk_absence_manager_id_manager", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["substitute_id"], ["manager.id"], name="fk_absence_substitute_id_manager", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_absence"),
    )
    op.create_index("ix_absence_manager_id", "absence", ["manager_id"], unique=False)
    op.create_index("ix_absence_ends_at", "absence", ["ends_at"], unique=False)


def _assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.String(length=36), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=True),
        sa.Column("before_id", sa.String(length=36), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("interaction_id", sa.String(length=36), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name="fk_assignment_lead_id_lead", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name="fk_assignment_manager_id_manager", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["before_id"], ["manager.id"], name="fk_assignment_before_id_manager", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
    )
    op.create_index("ix_assignment_lead_id", "assignment", ["lead_id"], unique=False)
