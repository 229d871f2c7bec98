"""What somebody was writing when the session ended."""

from alembic import op

from migrations import security

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("""CREATE TABLE kept_forms (
        token_hash bytea NOT NULL, organisation_id uuid NOT NULL, user_id uuid NOT NULL,
        path text NOT NULL, page text NOT NULL, sealed bytea NOT NULL, at timestamptz NOT NULL,
        CONSTRAINT pk_kept_forms PRIMARY KEY (token_hash),
        CONSTRAINT fk_kept_forms_organisation_id_users FOREIGN KEY (organisation_id, user_id)
            REFERENCES users (organisation_id, id) ON DELETE CASCADE)""")
    run("CREATE INDEX ix_kept_forms_organisation_id_user_id ON kept_forms (organisation_id, user_id)")
    security.protect(run, "kept_forms")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
