"""How often a programme's customers are told in vain, which its sends carry, and who gets the report of its months."""

from alembic import op

from migrations import security

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    for table in ("sends", "programme_versions"):
        run(f"ALTER TABLE {table} ADD COLUMN most_attempts smallint NOT NULL DEFAULT 3")
        run(f"ALTER TABLE {table} ADD COLUMN retry_hours smallint NOT NULL DEFAULT 6")
    run("ALTER TABLE programme_versions ADD COLUMN recipients uuid[] NOT NULL DEFAULT '{}'")
    for table in ("sends", "programme_versions"):
        security.show(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
