"""An approval keeps what will be used, a send the accounts it was approved with; rights and settings take two people."""

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
    run("ALTER TABLE approvals ADD COLUMN needs text NOT NULL DEFAULT 'approvals:decide', ADD COLUMN proposal bytea")
    run("ALTER TABLE users ADD COLUMN told_to uuid, ADD COLUMN told_at timestamptz")
    run("ALTER TABLE api_keys ADD COLUMN is_waiting boolean NOT NULL DEFAULT false")
    run("CREATE INDEX ix_audit_entries_organisation_id_actor_id_at ON audit_entries (organisation_id, actor_id, at)")
    for table in ("approvals", "api_keys", "sends", "users"):
        security.show(run, table)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
