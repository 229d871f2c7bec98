"""The zones people are in, each found by one look."""

from pathlib import Path

from alembic import op

revision = "0097"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0097_zones.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
