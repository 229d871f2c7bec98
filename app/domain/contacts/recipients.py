"""Whom tests of texts go to: contacts that two owners have marked, since whoever writes texts sends to them without approval."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Conflict, Stale, mark
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import SUBJECT, one_for_update

MOST = 20
WRITE = "settings:write"


def propose(session: Session, contact_id: UUID, *, version: int | None, by: Actor) -> Approval | None:
    """Ask for a contact to be marked; None if it is already.

    Raises NotFound, Conflict (too many), Stale (somebody changed it since `version`: perhaps its address), Forbidden.
    """
    contact = _unchanged(session, contact_id, version, by)
    if contact.is_test:
        return None
    _refuse_more(session)
    name = contact.external_id or str(contact.id)
    change = Change(
        (SUBJECT, contact.id), name, "contact.test", WRITE, after={"is_test": True}, state={"version": contact.version}
    )
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Contact:
    """Decide that tests go to a contact. Raises NotFound, Conflict (decided, or it was changed meanwhile), Forbidden."""
    approval = decisions.get(session, approval_id)
    contact = one_for_update(session, approval.subject_id)
    _refuse_more(session)
    changes.approve(session, approval, state={"version": contact.version}, note=note, by=by)
    return _mark(session, contact, True, by)


def take_off(session: Session, contact_id: UUID, *, version: int | None, by: Actor) -> Contact:
    """Send no more tests to a contact. Raises NotFound, Stale, Forbidden."""
    contact = _unchanged(session, contact_id, version, by)
    return _mark(session, contact, False, by) if contact.is_test else contact


def _unchanged(session: Session, contact_id: UUID, version: int | None, by: Actor) -> Contact:
    require(by, WRITE)
    contact = one_for_update(session, contact_id)
    if version != contact.version:
        raise Stale(mark("Somebody else changed this contact meanwhile. Look at it again."))
    return contact


def _refuse_more(session: Session) -> None:
    marked = select(func.count()).select_from(live(Contact)).where(live(Contact).c.is_test)
    if session.execute(marked).scalar_one() >= MOST:
        raise Conflict(mark("There are %(most)s test recipients already. Take one off first."), most=MOST)


def _mark(session: Session, contact: Contact, on: bool, by: Actor) -> Contact:
    contact.is_test, contact.updated_at = on, clock.now()
    contact.version += 1
    session.flush()
    trail.record(
        session, by, "contact.changed", (SUBJECT, contact.id), before={"is_test": not on}, after={"is_test": on}
    )
    return contact
