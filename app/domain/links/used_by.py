"""Say what a thing uses, and ask who uses a thing."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, mark
from app.core.unit import actor_of
from app.domain.links.models import UsedBy


def uses(session: Session, by_kind: str, by_id: UUID, by_name: str, used: Iterable[tuple[str, UUID]]) -> None:
    """State everything that `by` uses now; what it used before is forgotten."""
    session.execute(delete(UsedBy).where(UsedBy.by_kind == by_kind, UsedBy.by_id == by_id))
    rows = [
        {
            "organisation_id": actor_of(session).organisation_id,
            "used_kind": kind,
            "used_id": used_id,
            "by_kind": by_kind,
            "by_id": by_id,
            "by_name": by_name,
        }
        for kind, used_id in set(used)
    ]
    if rows:
        session.execute(insert(UsedBy), rows)


def users_of(session: Session, kind: str, used_id: UUID) -> list[UsedBy]:
    """Everything that uses a thing, by name."""
    query = select(UsedBy).where(UsedBy.used_kind == kind, UsedBy.used_id == used_id).order_by(UsedBy.by_name)
    return list(session.execute(query).scalars())


def refuse_while_used(session: Session, kind: str, used_id: UUID) -> None:
    """Raise Conflict naming who uses the thing."""
    users = users_of(session, kind, used_id)
    if users:
        raise Conflict(
            mark("It is used by %(names)s. Change that first."), names=", ".join(u.by_name for u in users[:5])
        )
