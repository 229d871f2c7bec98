"""Logging in: password, growing temporary lock, then the second factor."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Invalid, mark
from app.core.text import email as normal_email
from app.core.unit import act_as
from app.domain.access import mfa, passwords, sessions
from app.domain.access.models import LoginFailure, User
from app.domain.audit import trail

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
LOCKED = mark("There were too many failed attempts. Try again in a quarter of an hour.")


@dataclass(frozen=True)
class Attempt:
    """What became of a try: the user, or None; `locked_until` if the account is locked for this address."""

    user: User | None
    locked_until: datetime | None = None


def network(ip: str | None) -> str:
    """The range an address belongs to, so that a lock does not follow one host and miss its neighbour: /24, /64."""
    if not ip:
        return "unknown"
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{ip}/{24 if address.version == 4 else 64}", strict=False))


def try_password(session: Session, email: str, password: str, *, ip: str | None) -> Attempt:
    """Check a password; the session works for the user's organisation afterwards. The caller commits also on failure.

    A wrong address, a wrong password and an inactive user look alike and take the same time.
    """
    address = normal_email(email) or ""
    found = session.execute(
        text("SELECT organisation_id, user_id FROM find_user(:email)"), {"email": address}
    ).one_or_none()
    if found is None:
        passwords.matches(None, password)
        return Attempt(None)
    act_as(session, system(found.organisation_id))
    user = session.get_one(User, found.user_id)
    until = locked_until(session, user, ip)
    if until:
        passwords.matches(None, password)
        return Attempt(None, until)
    checked = user.password_hash
    if not passwords.matches(checked, password) or not user.is_active:
        return Attempt(None, count_failure(session, user, ip))
    session.refresh(user, with_for_update=True)
    return Attempt(user if user.password_hash == checked and user.is_active else None)  # not reset meanwhile


def enrol_anew(session: Session, user: User) -> None:
    """Before an authenticator is set up: a secret nobody has seen, and no other sign-in that is half-way.

    Whoever gave the first password could have signed in with it before, to read the secret.
    """
    sessions.end_others(session, user.id)
    mfa.set_secret(session, user, mfa.new_secret())
    session.flush()


def locked_until(session: Session, user: User, ip: str | None) -> datetime | None:
    """When the lock of this account for this network ends; None if it is not locked."""
    failure = session.get(LoginFailure, (user.id, network(ip)), with_for_update=True, populate_existing=True)
    until = failure.locked_until if failure else None
    return until if until and until > clock.now() else None


def require_code(session: Session, user: User, code: str, *, ip: str | None, cookie: str) -> None:
    """Take a code of the second factor. The caller commits also on failure: a wrong code counts like a wrong password.

    One code at a time: however many sessions a person has, a locked account takes none, not even the right one. The wrong
    code that locks the account ends the session of `cookie`.

    Raises:
        Invalid, on the field `code`.
    """
    session.refresh(user, with_for_update=True)
    if locked_until(session, user, ip):
        raise Invalid.field("code", LOCKED)
    try:
        mfa.require_code(session, user, code)
    except Invalid:
        if count_failure(session, user, ip):
            sessions.end(session, cookie)
        raise


def change_password(session: Session, user: User, present: str, new: str, *, by: Actor, cookie: str) -> None:
    """Let a user choose another password; his other sessions end. The caller commits also on failure.

    Whoever sits down at an open screen does not know the present one: a wrong one counts like a failed sign-in.

    Raises:
        Invalid, on the fields `present` or `password`.
    """
    session.refresh(user, with_for_update=True)
    if locked_until(session, user, by.ip):
        raise Invalid.field("present", LOCKED)
    if not passwords.matches(user.password_hash, present):
        if count_failure(session, user, by.ip):
            sessions.end(session, cookie)
        raise Invalid.field("present", mark("This is not your present password."))
    passwords.check_rules(new, (user.name, user.email.partition("@")[0]))
    if new == present:
        raise Invalid.field("password", mark("Choose another one than the present one."))
    user.password_hash, user.password_is_first = passwords.hashed(new), False
    sessions.end_others(session, user.id, but=cookie)
    session.flush()
    trail.record(session, by, "user.password_changed", ("user", user.id))


def count_failure(session: Session, user: User, ip: str | None) -> datetime | None:
    """Count a failed try; from the fifth on the account is locked for this network, twice as long each time."""
    table = LoginFailure.__table__
    insert = postgresql.insert(LoginFailure).values(
        organisation_id=user.organisation_id, user_id=user.id, network=network(ip), failures=1
    )
    failures = session.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "network"], set_={"failures": table.c.failures + 1}
        ).returning(table.c.failures)
    ).scalar_one()
    trail.record(session, system(user.organisation_id), "login.failed", ("user", user.id), after={"failures": failures})
    if failures < FREE_TRIES:
        return None
    until = clock.now() + min(FIRST_LOCK * 2 ** min(failures - FREE_TRIES, 10), LONGEST_LOCK)
    failure = session.get_one(LoginFailure, (user.id, network(ip)), populate_existing=True)
    failure.locked_until = until
    return failure.locked_until


def forgive(session: Session, user: User, ip: str | None) -> None:
    """Forget the failures of this account from this network, after a whole login."""
    failure = session.get(LoginFailure, (user.id, network(ip)))
    if failure:
        session.delete(failure)
