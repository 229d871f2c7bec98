"""Who gets the report of a programme's months, and may leave it."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0106_report_subscribers.sql").read_text(encoding="utf-8"))
    security.protect(run, "report_subscribers", "SELECT, INSERT, UPDATE")
    security.show(run, "notices")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
