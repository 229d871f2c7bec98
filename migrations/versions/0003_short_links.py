"""Short links for SMS."""

from alembic import op

from migrations import security

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIND = """
CREATE FUNCTION public.find_link(bigint) RETURNS TABLE (organisation_id uuid, occurrence_id uuid, message_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT organisation_id, occurrence_id, message_id FROM short_links WHERE code = $1 $$;
REVOKE ALL ON FUNCTION public.find_link(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_link(bigint) TO carillon_app
"""


def upgrade() -> None:
    run = op.get_bind().connection.cursor().execute
    run(
        "CREATE TABLE short_links (code BIGINT NOT NULL, occurrence_id UUID NOT NULL, message_id UUID NOT NULL,"
        " organisation_id UUID NOT NULL, CONSTRAINT pk_short_links PRIMARY KEY (code))"
    )
    security.protect(run, "short_links")
    run(FIND)


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
