"""Events, visitors, and who waits for which event."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0068_events.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name)
    run("SELECT public.ensure_partitions(3)")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
