"""Balances that come as files."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    tables = (Path(__file__).parent / "0066_bank.sql").read_text(encoding="utf-8")
    run(tables)
    security.protect(run, "balance_files")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
