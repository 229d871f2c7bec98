"""How often events of a name were told is counted by the hour."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0099b"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0099b_event_hours.sql").read_text(encoding="utf-8"))
    security.protect(run, "event_hours")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
