"""A send names the senders it was approved with."""

from alembic import op

from migrations import security

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE sends ADD COLUMN senders text[]")
    security.show(run, "sends")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
