"""What a page counts over everything is kept for a minute."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0087"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0087_kept_counts.sql").read_text(encoding="utf-8"))
    security.protect(run, "kept_counts")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
