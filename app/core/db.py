"""Flask-SQLAlchemy's db, the naming convention, column types and engines; nothing that runs by itself."""

import select
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as RequestSession
from psycopg import OperationalError
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Engine,
    ForeignKeyConstraint,
    MetaData,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    Session,
    mapped_column,
    sessionmaker,
)

from app.core.settings import APP_ROLE, OWNER_ROLE, Settings

Model = TypeVar("Model", bound="Base")
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every model."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        UUID: PgUuid(as_uuid=True),
        str: Text(),
        bytes: BYTEA(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(PgUuid(as_uuid=True)),
    }


class _Remembering(RequestSession):
    """The session of a request keeps the rows that were asked for by their id, so that each is read once.

    By itself a session forgets a row as soon as nobody holds it: a page that asks six places about one text asked six times.
    """

    def get(self, entity: Any, ident: Any, **options: Any) -> Any:
        row = super().get(entity, ident, **options)
        self.info.setdefault("asked", set()).add(row)
        return row


db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": _Remembering})

Uuid7 = Annotated[UUID, mapped_column(PgUuid(as_uuid=True), primary_key=True, server_default=text("uuidv7()"))]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]


# What the application may do with a table, for its `info`; without it everything.
APPEND_ONLY = {"rights": "SELECT, INSERT"}
READ_ONLY = {"rights": "SELECT"}


class Owned:
    """A row that belongs to one organisation; row-level security shows it to nobody else."""

    organisation_id: Mapped[UUID] = mapped_column(PgUuid(as_uuid=True))


def owned_key(column: str, table: str, **options: Any) -> ForeignKeyConstraint:
    """A foreign key between owned tables: always (organisation_id, id), so that it cannot cross organisations."""
    return ForeignKeyConstraint(["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"], **options)


@cache
def live(model: type[Any]) -> Table:
    """The model's view in schema `live`: the same rows, filtered to the organisation without a policy.

    Sets and searches read it, because policies switch indexes off for operators that are not leakproof.
    """
    table: Table = model.__table__
    return table.to_metadata(MetaData(), schema="live")


def among(column: InstrumentedAttribute[UUID] | ColumnElement[Any], ids: Sequence[UUID] | str) -> ColumnElement[bool]:
    """The column is one of these ids: one parameter and one plan, however many they are (an IN has one for each).

    A name instead of ids is filled when the statement is executed: for statements that are made once and asked often.
    """
    kind = ARRAY(PgUuid(as_uuid=True))
    return column == any_(bindparam(ids, type_=kind) if isinstance(ids, str) else cast(list(ids), kind))


def engine_options(role: str = APP_ROLE) -> dict[str, Any]:
    """What every engine of the application is made with: every connection takes on `role` before anything else."""
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "connect_args": {"options": f"-c role={role} -c timezone=UTC -c jit=off", "connect_timeout": 5},
    }


def make_engine(settings: Settings, **options: Any) -> Engine:
    """An engine that works as the application's role, and refuses to start as one that can bypass security."""
    engine = create_engine(settings.database_url, **{**engine_options(), **options})
    guard(engine)
    return engine


def guard(engine: Engine) -> None:
    """Let the engine's first connection tell whether its role can bypass security, and every kept one whether it lives.

    Nothing connects before that.
    """
    event.listen(engine, "first_connect", _refuse_unsafe_role)
    event.listen(engine, "checkout", _refuse_dead)


def make_owner_engine(settings: Settings) -> Engine:
    """An engine that works as the owner of the schema: for migrations and partitions only."""
    engine = create_engine(settings.owner_url, **{**engine_options(OWNER_ROLE), "pool_size": 1})
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def session_factory(engine: Engine, settings: Settings) -> sessionmaker[Session]:
    """Sessions for workers, the command line and tests; they know the settings (for the vault and the doorbell)."""
    return sessionmaker(engine, info={"settings": settings}, expire_on_commit=False)


def _refuse_dead(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    """A server that went away has closed the line, which can be read then: seen without asking it, in place of a ping.

    What lives may have something to read too (a setting reported, a ticket of TLS): only the end of the line counts.
    """
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    try:
        while line.poll(0):
            connection.pgconn.consume_input()
    except OperationalError:
        raise InvalidatePoolError("the server closed this connection") from None


def _refuse_unsafe_role(connection: DBAPIConnection, _record: object) -> None:
    """Row-level security does not bind superusers and BYPASSRLS roles: never work as one."""
    cursor = connection.cursor()
    cursor.execute("SELECT rolsuper OR rolbypassrls, current_user FROM pg_roles WHERE rolname = current_user")
    unsafe, name = cursor.fetchone() or (True, "?")
    cursor.close()
    connection.rollback()
    if unsafe:
        raise RuntimeError(f"Refused to start: the database role {name} can bypass row-level security.")
