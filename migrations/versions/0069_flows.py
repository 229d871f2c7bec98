"""Flows, their versions, the people in them, and the log of what happened."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0069_flows.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name, "SELECT, INSERT" if name in ("flow_versions", "flow_log") else security.ALL)
    run("SELECT public.ensure_partitions(3)")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
