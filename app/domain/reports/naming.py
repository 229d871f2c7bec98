"""What ids are called, whatever kind of thing they are of: for histories and the audit log, which keep ids."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app.core import nouns
from app.core.actor import Actor


def names(session: Session, ids: Iterable[UUID], *, by: Actor) -> dict[UUID, str]:
    """The names of those ids that have one and that this actor may read, by one statement; a contact's is its number."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    found = (
        select(key, name).where(key.in_(wanted), name.is_not(None))
        for subject in nouns.every(lambda noun: noun.subjects.values())
        for key, name in ([subject.name] if subject.name else [])
        if not subject.permission or by.may(subject.permission)
    )
    return {key: name for key, name in session.execute(union_all(*found)) if name}
