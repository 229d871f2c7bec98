"""Which phones can be sent an SMS; of those that are there already upkeep finds out, because they are sealed."""

from alembic import op

from migrations import security

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE contact_addresses ADD COLUMN takes_sms boolean")
    run(
        "CREATE INDEX ix_contact_addresses_unasked ON contact_addresses (organisation_id, contact_id) "
        "WHERE kind = 'phone' AND takes_sms IS NULL"
    )
    security.show(run, "contact_addresses")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
