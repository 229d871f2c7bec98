"""A failed SMS is tried again: which try a message is at, which one an attempt and a receipt belong to, and until when."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE messages ADD COLUMN retries smallint NOT NULL DEFAULT 0")
    run("ALTER TABLE messages ADD COLUMN duplicate_delivered boolean NOT NULL DEFAULT false")
    run("ALTER TABLE attempts ADD COLUMN retry smallint NOT NULL DEFAULT 0")
    run("ALTER TABLE receipts ADD COLUMN retry smallint NOT NULL DEFAULT 0")
    run("ALTER TABLE sends ADD COLUMN retry_until timestamptz")
    for table in ("messages", "attempts", "receipts", "sends"):
        security.show(run, table)
    run((Path(__file__).parent / "0062_failures_seen.sql").read_text(encoding="utf-8"))
    security.protect(run, "failures_seen")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
