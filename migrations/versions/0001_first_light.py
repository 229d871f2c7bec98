"""The first tables, their security and the functions used before the organisation is known."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HERE = Path(__file__).parent
RIGHTS = {"audit_entries": "SELECT, INSERT", "consent_entries": "SELECT, INSERT", "consent_states": "SELECT"}


def upgrade() -> None:
    # The driver itself: several statements at once, and % is not a place.
    run = op.get_bind().connection.cursor().execute
    tables = (HERE / "0001_tables.sql").read_text(encoding="utf-8")
    run((HERE / "0001_before.sql").read_text(encoding="utf-8"))
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        if name != "organisations":
            security.protect(run, name, RIGHTS.get(name, security.ALL))
    run((HERE / "0001_after.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("The first migration has no way back: restore a backup instead.")
