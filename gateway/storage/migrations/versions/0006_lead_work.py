"""The work on leads: stages, tasks, notes, amounts, documents, spend."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WHAT_AND_WHEN = ("source", "medium", "campaign", "channel", "first_day", "last_day", "currency")
OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    """To this schema."""
    _lead_columns()
    _stage_change()
    _task()
    _note()
    _spend()
    _documents()


def _lead_columns() -> None:
    op.add_column("lead", sa.Column("amount", sa.BigInteger(), nullable=True))
    op.add_column("lead", sa.Column("currency", sa.String(length=3), nullable=True))
    op.add_column("lead", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("lead", sa.Column("stage_since", MOMENT, nullable=True))
    op.add_column("lead", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.execute("UPDATE lead SET stage_since = created_at")
    for name, columns in (
        ("ix_lead_open_stage", ["stage", "stage_since"]),
        ("ix_lead_open_updated", ["updated_at"]),
    ):
        op.create_index(name, "lead", columns, unique=False, sqlite_where=OPEN, postgresql_where=OPEN)


def _stage_change() -> None:
    op.create_table(
        "stage_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.String(length=36), nullable=False),
        sa.Column("from_stage", sa.String(length=40), nullable=False),
        sa.Column("to_stage", sa.String(length=40), nullable=False),
        sa.Column("from_status", sa.String(length=8), nullable=False),
        sa.Column("to_status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("keep_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name="fk_stage_change_lead_id_lead", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_stage_change"),
    )
    op.create_index("ix_stage_change_lead_id", "stage_change", ["lead_id", "id"], unique=False)
    op.create_index("ix_stage_change_at", "stage_change", ["at"], unique=False)


def _about(table: str, ondelete: str) -> list[SchemaItem]:
    """The columns that say which lead and contact it is about."""
    return [
        sa.Column("lead_id", sa.String(length=36), nullable=True),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=f"fk_{table}_lead_id_lead", ondelete=ondelete),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=f"fk_{table}_contact_id_contact", ondelete=ondelete
        ),
    ]


def _about_indexes(table: str) -> None:
    op.create_index(f"ix_{table}_lead_id", table, ["lead_id"], unique=False)
    op.create_index(f"ix_{table}_contact_id", table, ["contact_id"], unique=False)


def _task() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_about("task", "CASCADE"),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.String(length=8), server_default=sa.text("'open'"), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("rule_key", sa.Text(), nullable=True),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("keep_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["manager.id"], name="fk_task_owner_id_manager", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        sa.UniqueConstraint("rule_key", name="uq_task_rule_key"),
    )
    _about_indexes("task")
    for name, columns in (("ix_task_due", ["due_at", "id"]), ("ix_task_owner", ["owner_id", "due_at"])):
        op.create_index(name, "task", columns, unique=False, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_task_created_at", "task", ["created_at", "id"], unique=False)


def _note() -> None:
    op.create_table(
        "note",
        sa.Column("id", sa.String(length=36), nullable=False),
        *_about("note", "CASCADE"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("edited_at", MOMENT, nullable=True),
        sa.Column("keep_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
    )
    _about_indexes("note")


def _spend() -> None:
    op.create_table(
        "spend",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("comment", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spend"),
        sa.UniqueConstraint(
            "source",
            "medium",
            "campaign",
            "channel",
            "first_day",
            "last_day",
            "currency",
            name="uq_spend_what_and_when",
        ),
    )
    op.create_index("ix_spend_days", "spend", ["first_day", "last_day"], unique=False)


def _documents() -> None:
    op.create_table(
        "document_number",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "year", name="pk_document_number"),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        *_about("document", "SET NULL"),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("sent_to", sa.Text(), nullable=False),
        sa.Column("void_at", MOMENT, nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("keep_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("kind", "year", "number", name="uq_document_kind_year_number"),
    )
    _about_indexes("document")
    op.create_index("ix_document_created_at", "document", ["created_at", "id"], unique=False)
    op.create_table(
        "document_file",
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name="fk_document_file_document_id_document", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name="pk_document_file"),
    )
