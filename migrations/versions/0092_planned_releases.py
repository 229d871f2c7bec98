"""A month may be released at a planned moment."""

from alembic import op

from migrations import security

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    for column in ("planned_for timestamptz", "planned_by uuid", "plan_failure text"):
        run(f"ALTER TABLE qualification_runs ADD COLUMN {column}")
    security.show(run, "qualification_runs")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
