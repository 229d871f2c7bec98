"""Alembic's entry: migrations run as the owner of the schema, in one transaction."""

from alembic import context
from sqlalchemy import text

from app.core.db import make_owner_engine
from app.core.settings import Settings
from app.domain.tables import metadata

engine = make_owner_engine(context.config.attributes.get("settings") or Settings.from_env())

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        # Who waits for a lock holds up everybody behind it: better to give up and be started again.
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        context.run_migrations()
engine.dispose()
