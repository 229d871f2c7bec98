"""Erasure: of a person nothing stays that can be read.

His key is destroyed, and with it whatever was sealed for him: what his messages said, what he answered. What was kept in clear
is emptied. That something happened stays, under an id that leads to nobody; suppressions stay as keyed hashes, so that nobody
who opted out is written to again. What a month was decided on stays too, with the names the core bank gave its records and
accounts: the auditors' pack proves a run by digests over them.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.audit import trail
from app.domain.contacts.profile import RESTORABLE

AT_ONCE = 100
_SQL = load("privacy/queries.sql")
_STEPS = [name for name in _SQL if name != "due"]  # the contact first: what only adds is emptied of the erased alone


def forget_deleted(session: Session) -> int:
    """Erase the next people who were deleted so long ago that nobody can bring them back; how many."""
    wanted = {"until": clock.now() - RESTORABLE, "most": AT_ONCE}
    people = list(session.execute(_SQL["due"], wanted).scalars())
    if people:
        erase(session, people)
    return len(people)


def erase(session: Session, people: Sequence[UUID]) -> None:
    """Erase people; that they were is in the audit trail by their ids."""
    for step in _STEPS:
        session.execute(_SQL[step], {"people": list(people), "now": clock.now()})
    session.expire_all()
    by = actor_of(session)
    trail.record(session, by, "contacts.erased", ("organisation", by.organisation_id), after={"contacts": list(people)})
