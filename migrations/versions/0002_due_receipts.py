"""Receipts wait for a moment of their own; claiming a message touches no index."""

from alembic import op

from migrations import security

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE receipts ADD COLUMN due_at timestamptz")
    run("UPDATE receipts SET due_at = received_at")
    run("ALTER TABLE receipts ALTER COLUMN due_at SET NOT NULL")
    security.show(run, "receipts")
    run("DROP INDEX ix_receipts_open")
    run("CREATE INDEX ix_receipts_due ON receipts (organisation_id, due_at) WHERE applied_at IS NULL")
    run("DROP INDEX ix_messages_lease")
    run("CREATE INDEX ix_messages_sending ON messages (organisation_id) WHERE state = 'sending'")
    run("DROP INDEX ix_messages_contact")
    run("ALTER TABLE messages DROP CONSTRAINT uq_messages_occurrence_id_contact_id_channel_step")
    run(
        "ALTER TABLE messages ADD CONSTRAINT uq_messages_contact_id_occurrence_id_channel_step"
        " UNIQUE (contact_id, occurrence_id, channel, step)"
    )
    run("DROP INDEX ix_messages_reference")
    run(
        "CREATE INDEX ix_messages_reference ON messages (provider_account_id, provider_reference)"
        " WHERE provider_reference IS NOT NULL"
    )


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
