"""People in flows: the visit of a step, and the port by which a run goes on."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0080"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0080_flows.sql").read_text(encoding="utf-8"))
    for name in ("flows", "flow_runs", "flow_log", "sends"):
        security.show(run, name)
    for name in ("message_wakes", "message_interests", "flow_sends"):
        security.protect(run, name)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
