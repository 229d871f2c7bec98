"""An address that stops everything remembers that its owner refused marketing, too."""

from alembic import op

from migrations import security

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE suppressions ADD COLUMN is_refused boolean NOT NULL DEFAULT false")
    run("UPDATE suppressions SET is_refused = true WHERE reason = 'opt_out'")
    security.show(run, "suppressions")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
