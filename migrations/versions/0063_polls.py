"""Messages without a receipt are asked for at their provider."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0063_polls.sql").read_text(encoding="utf-8"))
    security.protect(run, "polls")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
