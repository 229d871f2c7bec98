"""Balances by account: which accounts a customer has, and which of them a programme counts."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0105_bank_accounts.sql").read_text(encoding="utf-8"))
    security.protect(run, "bank_accounts")
    for table in ("balances", "programme_versions", "qualification_outcomes"):
        security.show(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
