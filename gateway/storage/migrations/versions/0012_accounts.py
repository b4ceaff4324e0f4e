"""Accounts: the second factor, its recovery codes, and where a session was opened from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.add_column("session", sa.Column("peer", sa.String(length=64), nullable=True))
    op.add_column("session", sa.Column("agent", sa.String(length=200), nullable=True))
    op.create_table(
        "totp",
        sa.Column("manager_id", sa.String(length=36), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["manager_id"], ["manager.id"], name="fk_totp_manager_id_manager", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("manager_id", name="pk_totp"),
    )
    _of_manager("recovery_code", "code_hash", sa.Column("created_at", sa.DateTime(timezone=True), nullable=False))
    _of_manager(
        "sign_in_step",
        "token_hash",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )


def _of_manager(name: str, key: str, *columns: sa.Column[object]) -> None:
    """A table of hashes that belong to managers."""
    op.create_table(
        name,
        sa.Column(key, sa.String(length=64), nullable=False),
        sa.Column("manager_id", sa.String(length=36), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["manager_id"], ["manager.id"], name=f"fk_{name}_manager_id_manager", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(key, name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_manager_id", name, ["manager_id"], unique=False)
