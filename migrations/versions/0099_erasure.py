"""What was only ever added to loses what can be read of whoever was erased."""

from pathlib import Path

from alembic import op

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0099_erasure.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
