"""Static groups: people put together by hand or by a file."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.contacts.models import Contact, Group, GroupMember

_NAMES = select(Group.name).order_by(Group.name)


def names(session: Session) -> list[str]:
    """The names of all groups, in their order."""
    return list(session.execute(_NAMES).scalars())


def of(session: Session, contact_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The names of the groups each contact is in."""
    wanted = list(contact_ids)
    names: dict[UUID, list[str]] = {contact_id: [] for contact_id in wanted}
    query = (
        select(GroupMember.contact_id, Group.name)
        .join(Group, Group.id == GroupMember.group_id)
        .where(GroupMember.contact_id.in_(wanted))
        .order_by(Group.name)
    )
    for contact_id, name in session.execute(query):
        names[contact_id].append(name)
    return names


def put(session: Session, contact: Contact, names: Sequence[str]) -> None:
    """Let the contact be in exactly these groups; a group that is not there yet is made."""
    session.execute(delete(GroupMember).where(GroupMember.contact_id == contact.id))
    if not names:
        return
    now = clock.now()
    made = [{"organisation_id": contact.organisation_id, "name": name, "created_at": now} for name in names]
    session.execute(postgresql.insert(Group).on_conflict_do_nothing(), made)
    ids = session.execute(select(Group.id).where(Group.name.in_(names))).scalars()
    shared = {"organisation_id": contact.organisation_id, "contact_id": contact.id, "added_at": now}
    session.execute(insert(GroupMember), [shared | {"group_id": group_id} for group_id in ids])
