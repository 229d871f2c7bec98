"""Contacts that tests of a text go to."""

from alembic import op

from migrations import security

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE contacts ADD COLUMN is_test boolean NOT NULL DEFAULT false")
    run("CREATE INDEX ix_contacts_test ON contacts (organisation_id) WHERE is_test")
    security.show(run, "contacts")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
