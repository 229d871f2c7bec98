"""What a run goes through once it is calculated: review, decision, release; what those who qualified are told."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0061_bank.sql").read_text(encoding="utf-8")
    run("DROP VIEW live.programme_versions; DROP VIEW live.qualification_runs")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name, "SELECT, INSERT" if name == "qualification_notices" else security.ALL)
    for name in ("programme_versions", "qualification_runs"):
        security.show(run, name)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
