"""An approval keeps what will be used; a send names the accounts it was approved with."""

from alembic import op

from migrations import security

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE approvals ADD COLUMN pinned jsonb")
    run("ALTER TABLE sends ADD COLUMN routes text[]")
    run("CREATE INDEX ix_audit_entries_organisation_id_actor_id_at ON audit_entries (organisation_id, actor_id, at)")
    security.show(run, "approvals")
    security.show(run, "sends")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
