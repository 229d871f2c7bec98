"""Rights that decide, or that give rights, are given by two people: one proposes, another carries it out.

Otherwise one owner could make a marketer and an approver and act as both. Taking a right away takes one.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.actor import Actor, require, require_fresh_factor
from app.core.errors import Conflict, mark
from app.domain.access import keys, users
from app.domain.access.models import User
from app.domain.access.permissions import given_by_two, granted_by_name
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail

SUBJECT, KEY = "user", "key"


@dataclass(frozen=True)
class Given:
    """What was carried out: the user, and the first password where there is one, told once."""

    user: User
    password: str = ""


def new_user(session: Session, *, email: str, name: str, role: str, by: Actor) -> Given | Approval:
    """Make a user with a first password; a role that takes two is proposed instead.

    Raises:
        Invalid (address or role), Conflict (the address is taken), FactorNeeded, Forbidden.
    """
    require(by, "users:write")
    require_fresh_factor(by)
    users.known(role)
    if role not in given_by_two():
        return _made(session, email, name, role, None, by)
    address = users.address_of(email)
    users.refuse_taken(session, address)
    wanted = {"email": address, "name": name, "role": role}
    user_id: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
    change = Change((SUBJECT, user_id), name, "user.create", "users:write", values=wanted, after=wanted)
    return changes.propose(session, change, by=by)


def _made(session: Session, email: str, name: str, role: str, second: UUID | None, by: Actor) -> Given:
    password = users.new_password()
    user = users.create_user(
        session, email=email, name=name, role=role, password=password, is_first=True, second=second, by=by
    )
    return Given(user, password)


def set_role(session: Session, user_id: UUID, role: str, *, by: Actor) -> Given | Approval:
    """Give another role; one that takes two is proposed instead. Raises as users.set_role."""
    require(by, "users:write")
    require_fresh_factor(by)
    users.known(role)
    user = users.get(session, user_id)
    if role not in given_by_two() or user.role == role:
        return Given(users.set_role(session, user_id, role, by=by))
    if user.id == by.id:
        raise Conflict(mark("You cannot change your own role. Ask another owner."))
    return _propose(session, user, "user.role", by, {"role": role})


def reset(session: Session, user_id: UUID, *, by: Actor) -> Given | Approval:
    """Let somebody begin anew; of whoever decides, it is proposed instead. Raises as users.reset."""
    require(by, "users:write")
    require_fresh_factor(by)
    user = users.get(session, user_id)
    if user.role not in given_by_two() or user.id == by.id:
        return Given(*users.reset(session, user_id, by=by))
    return _propose(session, user, "user.reset", by)


def let_in(session: Session, user_id: UUID, *, by: Actor) -> Given | Approval:
    """Let a user in again who was shut out; of whoever decides, it is proposed instead."""
    require(by, "users:write")
    user = users.get(session, user_id)
    if user.role not in given_by_two() or user.is_active:
        return Given(users.set_active(session, user_id, True, by=by))
    return _propose(session, user, "user.activate", by)


def _propose(session: Session, user: User, act: str, by: Actor, after: dict[str, str] | None = None) -> Approval:
    change = Change(
        (SUBJECT, user.id), user.name, act, "users:write",
        values=after or {}, before={"role": user.role}, after=after or {}, state=_state(user),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def _state(user: User) -> dict[str, object]:
    return {"role": user.role, "is_active": user.is_active}


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Given:
    """Decide for a proposal about a user. The first password, if there is one, is told to who decides.

    Raises:
        NotFound, Conflict (decided, expired, or the user is another meanwhile), Forbidden, FactorNeeded.
    """
    approval = decisions.get(session, approval_id)
    act = approval.summary["act"]
    if act == "user.create":
        wanted = changes.approve(session, approval, state={}, note=note, by=by)
        return _made(session, wanted["email"], wanted["name"], wanted["role"], approval.made_by, by)
    user = users.get(session, approval.subject_id)
    wanted = changes.approve(session, approval, state=_state(user), note=note, by=by)
    second = approval.made_by
    if act == "user.role":
        return Given(users.set_role(session, user.id, wanted["role"], second=second, by=by))
    if act == "user.reset":
        return Given(*users.reset(session, user.id, second=second, by=by))
    return Given(users.set_active(session, user.id, True, second=second, by=by))


def new_key(session: Session, *, name: str, scopes: list[str], by: Actor) -> tuple[str, Approval | None]:
    """Make a key of one's own, shown once; with scopes that approve it does not work until a second person has granted them.

    Raises as keys.create.
    """
    assert by.id is not None
    user = users.get(session, by.id)
    whole = keys.create(session, user, name=name, scopes=scopes, by=by)
    granted = sorted(granted_by_name() & set(scopes))
    if not granted:
        return whole, None
    key = keys.of_whole(session, whole)
    change = Change((KEY, key.id), name, "key.grant", "keys:write", after={"user": user.name, "scopes": granted})
    return whole, changes.propose(session, change, by=by)


def grant_key(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> None:
    """Decide that a key may approve. Raises as carry_out."""
    approval = decisions.get(session, approval_id)
    key = keys.get(session, approval.subject_id)
    changes.approve(session, approval, state={}, note=note, by=by)
    key.is_waiting = False
    trail.record(session, by, "key.granted", (KEY, key.id), after={"scopes": key.scopes})
