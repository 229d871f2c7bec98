"""Events of older months, keys for pages, and what visitors say of themselves."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    for name in ("api_keys", "visitors"):
        run(f"DROP VIEW live.{name}")
    run((Path(__file__).parent / "0070_tracking.sql").read_text(encoding="utf-8"))
    for name in ("api_keys", "visitors"):
        security.show(run, name)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
