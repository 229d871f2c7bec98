"""What the messages of a programme's month may cost."""

from alembic import op

from migrations import security

revision = "0104"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE programme_versions ADD COLUMN budget numeric(18, 2)")
    security.show(run, "programme_versions")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
