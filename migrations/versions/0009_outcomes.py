"""A campaign keeps how it ended, for lists."""

from alembic import op

from migrations import security

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE campaigns ADD COLUMN outcome jsonb")
    security.show(run, "campaigns")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
