"""What people did long ago is dropped by the month."""

from pathlib import Path

from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0098_retention.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
