"""An address is unique within its organisation: that another one knows it is nobody's business."""

from alembic import op

revision = "0040"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run("ALTER TABLE users DROP CONSTRAINT uq_users_email")
    run("ALTER TABLE users ADD CONSTRAINT uq_users_organisation_id_email UNIQUE (organisation_id, email)")
    run("CREATE INDEX ix_users_email ON users (email)")


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
