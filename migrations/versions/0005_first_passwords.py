"""A password that somebody else gave is replaced by its user before anything else."""

from alembic import op

from migrations import security

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE users ADD COLUMN password_is_first boolean NOT NULL DEFAULT false")
    security.show(run, "users")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
