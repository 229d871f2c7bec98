"""Names as tokens, to be searched and segmented by; the workers read those that are there."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0095_names.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
