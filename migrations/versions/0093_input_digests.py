"""What a run looked at is one digest over one for each customer; runs of before keep theirs."""

from alembic import op

from migrations import security

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE qualification_runs ADD COLUMN input_format smallint NOT NULL DEFAULT 1")
    security.show(run, "qualification_runs")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
