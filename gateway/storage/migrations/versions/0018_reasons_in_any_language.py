"""Why a delivery waits, is held or dead, and what became of a try, as a message of the catalogue with its values: the
pages show it in the language of whoever looks. The sentence itself stays beside it, in English.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    for table in ("outbox", "crm_hold", "attempt"):
        op.add_column(table, sa.Column("words", sa.Text(), nullable=True))
