"""One row by its id, or the sentence that it is not there."""

from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.core.errors import NotFound


class Identified(Protocol):
    """A row with an id; in a partitioned table it need not be the whole key."""

    id: Any


Row = TypeVar("Row", bound=Identified)


def one(session: Session, kind: type[Row], row_id: UUID, missing: str) -> Row:
    """The row of this id. Raises NotFound with the sentence `missing`."""
    row = session.get(kind, row_id)
    if row is None:
        raise NotFound(missing)
    return row


def one_for_update(session: Session, kind: type[Row], row_id: UUID, missing: str, *where: ColumnElement[bool]) -> Row:
    """The row of this id as it is now, locked, if it meets `where`. Raises NotFound with the sentence `missing`."""
    query = select(kind).where(kind.id == row_id, *where).with_for_update()
    row = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if row is None:
        raise NotFound(missing)
    return row
