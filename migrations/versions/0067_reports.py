"""The files of reports have rows of their own, which nobody changes."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("DROP VIEW live.report_runs")
    run((Path(__file__).parent / "0067_reports.sql").read_text(encoding="utf-8"))
    security.protect(run, "report_files", "SELECT, INSERT")
    security.show(run, "report_runs")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
