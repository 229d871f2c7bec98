"""The first tables, their security and the functions used before the organisation is known."""

from alembic import op

from app.domain import tables
from migrations import security

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run = (
        op.get_bind().connection.cursor().execute
    )  # the driver itself: several statements at once, and % is not a place
    run(security.BEFORE)
    tables.metadata.create_all(op.get_bind())
    for table in tables.owned():
        security.protect(run, table.name)
    run(security.AFTER)


def downgrade() -> None:
    raise RuntimeError("The first migration has no way back: restore a backup instead.")
