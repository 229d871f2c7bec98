"""What people answer is kept, sealed, until a person has seen to it."""

from alembic import op

from migrations import security

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("""
        CREATE TABLE replies (
          id uuid NOT NULL DEFAULT uuidv7(),
          organisation_id uuid NOT NULL,
          provider_account_id uuid NOT NULL,
          event_key text NOT NULL,
          channel text NOT NULL,
          contact_id uuid,
          blind bytea NOT NULL,
          sealed bytea NOT NULL,
          meaning text NOT NULL,
          written_at timestamptz NOT NULL,
          received_at timestamptz NOT NULL,
          handled_at timestamptz,
          handled_by uuid,
          CONSTRAINT pk_replies PRIMARY KEY (id),
          CONSTRAINT ck_replies_meaning CHECK (meaning IN ('stop', 'other')),
          CONSTRAINT uq_replies_provider_account_id_event_key UNIQUE (provider_account_id, event_key),
          CONSTRAINT fk_replies_organisation_id_provider_account_id FOREIGN KEY (organisation_id, provider_account_id)
            REFERENCES provider_accounts (organisation_id, id)
        )
    """)
    run("CREATE INDEX ix_replies_open ON replies (organisation_id, id) WHERE handled_at IS NULL")
    run("CREATE INDEX ix_replies_organisation_id_blind ON replies (organisation_id, blind)")
    security.protect(run, "replies")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
