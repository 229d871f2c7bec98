"""Alembic's entry: migrations run as the owner of the schema, in one transaction."""

from alembic import context

from app.core.db import make_owner_engine
from app.core.settings import Settings
from app.domain.tables import metadata

engine = make_owner_engine(context.config.attributes.get("settings") or Settings.from_env())

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
