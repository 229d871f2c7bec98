"""Programmes, the balances of every day, and runs that decide who qualified in a month."""

import re
from pathlib import Path

from alembic import op

from migrations import security

revision = "0060"
down_revision = "0041"
branch_labels = None
depends_on = None

# The month the sandbox's core bank plays, whenever it is installed.
_DEMONSTRATION = """
CREATE TABLE public.balances_2026_10 PARTITION OF public.balances FOR VALUES FROM ('2026-10-01') TO ('2026-11-01')
WITH (fillfactor = 70)
"""


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0060_bank.sql").read_text(encoding="utf-8")
    run(tables)
    for name in re.findall(r"^CREATE TABLE (\w+)", tables, re.MULTILINE):
        security.protect(run, name, "SELECT, INSERT" if name == "programme_versions" else security.ALL)
    run(_DEMONSTRATION)
    run("SELECT public.ensure_partitions(3)")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
