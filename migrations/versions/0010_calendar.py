"""Allowed hours of an organisation."""

from alembic import op

from migrations import security

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("""CREATE TABLE calendars (
        organisation_id uuid NOT NULL,
        week jsonb NOT NULL, holidays text NOT NULL, days jsonb NOT NULL,
        updated_at timestamptz NOT NULL, updated_by uuid,
        CONSTRAINT pk_calendars PRIMARY KEY (organisation_id))""")
    security.protect(run, "calendars")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
