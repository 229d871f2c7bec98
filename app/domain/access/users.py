"""Organisations and their users."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require, require_fresh_factor, system
from app.core.errors import Conflict, Forbidden, Invalid, mark
from app.core.text import email as normal_email
from app.core.unit import act_as, actor_of, settings_of
from app.core.vault import vault_from
from app.domain.access import keys, passwords, sessions
from app.domain.access.models import ROLE_NAMES, LoginFailure, Organisation, User, UserSession
from app.domain.access.permissions import given_by_two, of_role
from app.domain.audit import trail

HANDS = timedelta(hours=72)  # so long two accounts may be one person's after he was told a first password


@dataclass(frozen=True)
class NewOrganisation:
    """A tenant to be made."""

    name: str
    locale: str = "en"
    timezone: str = "Asia/Jerusalem"
    currency: str = "ILS"
    is_demo: bool = False


def create_organisation(session: Session, new: NewOrganisation) -> Organisation:
    """Make an organisation with its own key; the session works for it from then on."""
    organisation_id = session.execute(text("SELECT uuidv7()")).scalar_one()
    act_as(session, system(organisation_id))
    organisation = Organisation(
        id=organisation_id,
        name=new.name,
        locale=new.locale,
        timezone=new.timezone,
        currency=new.currency,
        is_demo=new.is_demo,
        key=vault_from(settings_of(session).master_key).new_organisation_key(organisation_id),
        created_at=clock.now(),
    )
    session.add(organisation)
    session.flush()
    trail.record(session, system(organisation_id), "organisation.created", ("organisation", organisation_id))
    return organisation


def create_user(  # noqa: PLR0913 - a person and what proves him
    session: Session,
    *,
    email: str,
    name: str,
    role: str,
    password: str,
    is_first: bool = False,
    second: UUID | None = None,
    by: Actor,
) -> User:
    """Make a user; with `is_first` he must choose another password before anything else.

    A role that decides or gives rights takes two people: `second` is who proposed it (approvals/rights.py).
    Raises:
        Invalid (address, role or password), Conflict (the address is taken), Forbidden (alone).
    """
    require(by, "users:write")
    address = address_of(email)
    known(role)
    not_alone(role, second, by)
    passwords.check_rules(password, (name, address.partition("@")[0]))
    refuse_taken(session, address)
    user = User(
        organisation_id=by.organisation_id,
        email=address,
        name=name,
        role=role,
        password_hash=passwords.hashed(password),
        password_is_first=is_first,
        told_to=by.id,
        told_at=clock.now() if by.id else None,
        created_at=clock.now(),
    )
    session.add(user)
    session.flush()
    trail.record(session, by, "user.created", ("user", user.id), after={"role": role})
    return user


def new_password() -> str:
    """A first password, to be told to its user once: 20 characters that are not mistaken for each other."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def refuse_taken(session: Session, address: str) -> None:
    """Raise Conflict for an address that signs in already; that another organisation knows it is not told."""
    if session.execute(select(User.id).where(User.email == address)).first():
        raise Conflict(mark("This address is taken already."))


def address_of(email: str) -> str:
    """An address in its normal form. Raises Invalid."""
    address = normal_email(email)
    if address is None:
        raise Invalid.field("email", mark("This is not an e-mail address."))
    return address


def not_alone(role: str, second: UUID | None, by: Actor) -> None:
    """Raise Forbidden where one person alone would give a role that decides, or gives rights."""
    if role in given_by_two() and not by.is_system and (second is None or second == by.id):
        raise Forbidden(mark("This role is given by two people: propose it, and another owner decides."))


def share_hands(session: Session, decider: UUID, authors: Iterable[UUID]) -> bool:
    """True if one person could be acting as the decider and as an author.

    Whoever was told somebody's first password could have signed in with it; that counts for HANDS after it was told.
    """
    people = select(User.id, User.told_to, User.told_at).where(User.id.in_({decider, *authors}))
    told = {row.id: row.told_to for row in session.execute(people) if row.told_at and row.told_at > clock.now() - HANDS}
    hands = {decider, told.get(decider)} - {None}
    return any(hands & {author, told.get(author)} for author in authors)


def known(role: str) -> None:
    """Raise Invalid for a role that is not there."""
    if role not in ROLE_NAMES:
        raise Invalid.field("role", mark("There is no such role."))


def set_role(session: Session, user_id: UUID, role: str, *, second: UUID | None = None, by: Actor) -> User:
    """Give a user another role, from his next click on; `second` as in create_user.

    Raises:
        NotFound, Invalid (no such role), Conflict (yourself, or the last owner), Forbidden (alone).
    """
    require(by, "users:write")
    require_fresh_factor(by)
    known(role)
    user = get(session, user_id)
    if user.role == role:
        return user
    not_alone(role, second, by)
    if user.id == by.id:
        raise Conflict(mark("You cannot change your own role. Ask another owner."))
    _keep_an_owner(session, user)
    before, user.role = user.role, role
    session.flush()
    trail.record(session, by, "user.role_changed", ("user", user.id), before={"role": before}, after={"role": role})
    return user


def reset(session: Session, user_id: UUID, *, second: UUID | None = None, by: Actor) -> tuple[User, str]:
    """Let somebody begin anew who lost his password or his authenticator: the user and his first password, told once.

    Sessions, keys and failed attempts end; the next sign-in sets up an authenticator and chooses a password. `second` as in
    create_user: whoever resets an approver could sign in as one.
    Raises NotFound, Conflict (yourself), Forbidden (alone).
    """
    require(by, "users:write")
    require_fresh_factor(by)
    user = get(session, user_id)
    if user.id == by.id:
        raise Conflict(mark("You cannot reset yourself. Change your password instead, or ask another owner."))
    not_alone(user.role, second, by)
    password = new_password()
    user.password_hash, user.password_is_first = passwords.hashed(password), True
    user.told_to, user.told_at = by.id, clock.now() if by.id else None
    user.totp_secret, user.totp_confirmed_at, user.totp_last_step = None, None, 0
    _end_access(session, user)
    session.execute(delete(LoginFailure).where(LoginFailure.user_id == user.id))
    session.flush()
    trail.record(session, by, "user.reset", ("user", user.id))
    return user, password


def _end_access(session: Session, user: User) -> None:
    sessions.end_others(session, user.id)
    keys.revoke_all(session, user.id)


def _keep_an_owner(session: Session, user: User) -> None:
    """Raise Conflict if nobody could manage users without this one. Locks: two owners cannot remove each other at once."""
    owners = select(User.id).where(User.role == "owner", User.is_active).order_by(User.id).with_for_update()
    if user.role == "owner" and not set(session.execute(owners).scalars()) - {user.id}:
        raise Conflict(mark("This is the last owner. Make another owner first."))


def set_active(session: Session, user_id: UUID, active: bool, *, second: UUID | None = None, by: Actor) -> User:
    """Let a user in again, or shut him out: his sessions and keys end at once. To let in again, `second` as in create_user.

    Raises:
        NotFound, Conflict (yourself, or the last owner), Forbidden (alone), FactorNeeded.
    """
    require(by, "users:write")
    require_fresh_factor(by)
    user = get(session, user_id)
    if user.is_active == active:
        return user
    if not active and user.id == by.id:
        raise Conflict(mark("You cannot deactivate yourself. Ask another owner."))
    if active:
        not_alone(user.role, second, by)
    else:
        _keep_an_owner(session, user)
        _end_access(session, user)
    user.is_active = active
    session.flush()
    trail.record(session, by, "user.activated" if active else "user.deactivated", ("user", user.id))
    return user


def last_seen(session: Session, *, by: Actor) -> dict[UUID, datetime]:
    """When each user was last here."""
    require(by, "users:read")
    at = func.max(UserSession.seen_at).label("at")
    rows = session.execute(select(UserSession.user_id, at).group_by(UserSession.user_id)).all()
    return {row.user_id: row.at for row in rows}


def read(session: Session, user_id: UUID, *, by: Actor) -> User:
    """One user, for whoever may read users. Raises NotFound, Forbidden."""
    require(by, "users:read")
    return get(session, user_id)


def get(session: Session, user_id: UUID) -> User:
    """One user of the session's organisation. Raises NotFound."""
    return rows.one(session, User, user_id, mark("There is no such user."))


def by_address(session: Session, email: str, organisation: str = "") -> User | None:
    """The user of an address, in whatever organisation or in the one of this name; the session works for it afterwards.

    Raises:
        Conflict: several organisations know the address, and none is named.
    """
    query = text("SELECT organisation_id, user_id FROM find_user(:email)")
    matching: list[tuple[UUID, UUID]] = []
    for row in session.execute(query, {"email": normal_email(email) or ""}).all():
        act_as(session, system(row.organisation_id))
        if not organisation or session.get_one(Organisation, row.organisation_id).name == organisation:
            matching.append((row.organisation_id, row.user_id))
    if len(matching) > 1:
        raise Conflict(mark("Several organisations know this address: name the one you mean."))
    for organisation_id, user_id in matching:
        act_as(session, system(organisation_id))
        return get(session, user_id)
    return None


def everyone(session: Session, *, by: Actor) -> list[User]:
    """All users of the organisation, by name."""
    require(by, "users:read")
    return list(session.execute(select(User).order_by(User.name)).scalars())


def names(session: Session, ids: list[UUID]) -> dict[UUID, str]:
    """The names of users, for pages that show who did what."""
    by = actor_of(session)
    known = {by.id: by.name} if by.id in ids and by.kind == "user" else {}
    if others := [user_id for user_id in ids if user_id not in known]:
        known |= {row.id: row.name for row in session.execute(select(User.id, User.name).where(User.id.in_(others)))}
    return known


def with_permission(session: Session, permission: str) -> list[User]:
    """Active users whose role holds a permission."""
    roles = [role for role in ROLE_NAMES if permission in of_role(role)]
    return list(session.execute(select(User).where(User.role.in_(roles), User.is_active)).scalars())


def with_role(session: Session, role: str) -> list[User]:
    """Active users of a role."""
    return list(session.execute(select(User).where(User.role == role, User.is_active)).scalars())


def set_preferences(session: Session, *, by: Actor, locale: str | None = None, theme: str | None = None) -> None:
    """Remember the actor's own language or theme."""
    if by.id is None:
        return
    user = get(session, by.id)
    user.locale = locale or user.locale
    user.theme = theme or user.theme
