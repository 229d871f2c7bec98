"""Filters of lists, kept by a name."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0102"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0102_saved_filters.sql").read_text(encoding="utf-8"))
    for table in ("saved_filters", "opens_with"):
        security.protect(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
