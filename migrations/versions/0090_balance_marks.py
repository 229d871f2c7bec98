"""When the last value of each day of balances came in."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0090"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0090_balance_marks.sql").read_text(encoding="utf-8"))
    security.protect(run, "balance_marks")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
