"""Rows of imports that are kept but for an address; the number of the last row taken."""

from alembic import op

from migrations import security

revision = "0020"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE imports ADD COLUMN warned integer NOT NULL DEFAULT 0")
    run("ALTER TABLE imports ADD COLUMN last_row integer NOT NULL DEFAULT 1")
    run("UPDATE imports SET last_row = rows + 1")
    run("ALTER TABLE import_problems ADD COLUMN is_warning boolean NOT NULL DEFAULT false")
    security.show(run, "imports")
    security.show(run, "import_problems")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
