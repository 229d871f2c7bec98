"""The events of a contact by when they were."""

from pathlib import Path

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run((Path(__file__).parent / "0071_history.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
