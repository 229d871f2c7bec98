"""People in flows who wait for a colleague are found at once; when a flow's yearly renewal was told."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0100"
down_revision = "0099b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0100_flow_decisions.sql").read_text(encoding="utf-8"))
    security.show(run, "flows")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
