"""People who wait for a decision are listed by their deadline."""

from pathlib import Path

from alembic import op

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0108_deadlines.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
