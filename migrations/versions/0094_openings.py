"""The days on which customers came to the bank, and what a programme makes of them."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0094_openings.sql").read_text(encoding="utf-8"))
    security.protect(run, "openings")
    for table in ("programme_versions", "qualification_outcomes"):
        security.show(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
