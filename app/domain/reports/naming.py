"""What ids are called, whatever kind of thing they are of: for histories and the audit log, which keep ids."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app.core import nouns
from app.core.actor import Actor


def names(session: Session, ids: Iterable[UUID], *, by: Actor) -> dict[UUID, str]:
    """The names of those ids that have one, by one statement; a contact's is its number, for whoever may read contacts."""
    if not (wanted := list(set(ids))):
        return {}
    subjects = nouns.every(lambda noun: noun.subjects.values())
    known = [one.name for one in subjects if one.name and (not one.permission or by.may(one.permission))]
    rows = session.execute(
        union_all(*(select(key, name).where(key.in_(wanted), name.is_not(None)) for key, name in known))
    )
    return {key: name for key, name in rows if name}
