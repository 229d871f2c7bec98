"""A message keeps what it said and in which language, whatever becomes of the contact."""

from alembic import op

from migrations import security

revision = "0030"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE messages ADD COLUMN language text")
    run("ALTER TABLE attempts ADD COLUMN sealed bytea")
    for table in ("messages", "attempts"):
        security.show(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
