"""Who is in a segment, who came and went, who has to be looked at again, and what a segment was before."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0077"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0077_segments.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        append_only = name in ("segment_moves", "segment_versions")
        security.protect(run, name, "SELECT, INSERT" if append_only else security.ALL)
    security.show(run, "segments")
    run("SELECT public.ensure_partitions(3)")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
