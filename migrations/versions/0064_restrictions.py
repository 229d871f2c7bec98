"""Restrictions: what the core bank says of people that must not be written to."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0064_restrictions.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
