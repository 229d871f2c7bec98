"""What people did long ago is dropped by the month; how often they did it is counted by the hour."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0098_retention.sql").read_text(encoding="utf-8"))
    security.protect(run, "event_hours")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
