"""Logging in: password, growing temporary locks, then the second factor.

Failures are counted twice: from where they come (a network, or a device that has signed in as this user before), and over
all networks. Guesses from many networks lock the account for strangers only: a known device has a count of its own.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Invalid, mark
from app.core.text import email as normal_email
from app.core.unit import act_as
from app.domain.access import keys, mfa, passwords, sessions
from app.domain.access.models import LoginFailure, User
from app.domain.audit import trail

FREE_TRIES = 5
FREE_EVERYWHERE = 50
EVERYWHERE = "*"  # in place of a network: the sum of all of them
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
LOCKED = mark("There were too many failed attempts. Try again in a quarter of an hour.")
WRONG = mark(
    "The address or the password is not right. After five failed attempts nobody can sign in from here for a quarter of an hour."
)


@dataclass(frozen=True)
class Origin:
    """Where a try comes from: its address, and the marks of the users who have signed in on this device before."""

    ip: str | None = None
    devices: Mapping[UUID, str] = field(default_factory=dict)

    def place(self, user: User) -> str:
        """What failures are counted for: the device this user is known on, or the network."""
        given = self.devices.get(user.id, "")
        return (
            f"device:{given.partition('.')[0]}"
            if given and given == device(user, given.partition(".")[0])
            else network(self.ip)
        )


def device(user: User, name: str) -> str:
    """The mark a device keeps after a whole sign-in; another password makes it a stranger again."""
    return f"{name}.{passwords.fingerprint(user.password_hash)}"


@dataclass(frozen=True)
class Attempt:
    """What became of a try: the user, or None; `locked_until` if the account is locked for whoever tried."""

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


def try_password(session: Session, email: str, password: str, *, origin: Origin) -> Attempt:
    """Check a password; the session works for the user's organisation afterwards. The caller commits also on failure.

    A wrong address, a wrong password, a locked account and an inactive user take the same time; the door says the same.
    Somebody may be with two organisations under one address: the password tells which one is meant.
    """
    address = normal_email(email) or ""
    rows = session.execute(text("SELECT organisation_id, user_id FROM find_user(:email)"), {"email": address}).all()
    if not rows:
        passwords.matches(None, password)
    attempt = Attempt(None)
    for row in rows:
        act_as(session, system(row.organisation_id))
        attempt = _tried(session, session.get_one(User, row.user_id), password, origin)
        if attempt.user is not None:
            break
        session.flush()
    return attempt


def _tried(session: Session, user: User, password: str, origin: Origin) -> Attempt:
    until = locked_until(session, user, origin)
    if until:
        passwords.matches(None, password)
        return Attempt(None, until)
    checked = user.password_hash
    if not passwords.matches(checked, password) or not user.is_active:
        return Attempt(None, count_failure(session, user, origin))
    session.refresh(user, with_for_update=True)
    return Attempt(user if user.password_hash == checked and user.is_active else None)  # not reset meanwhile


def enrol_anew(session: Session, user: User) -> None:
    """Before an authenticator is set up: a secret nobody has seen, and no other sign-in that is half-way.

    Whoever gave the first password could have signed in with it before, to read the secret.
    """
    sessions.end_others(session, user.id)
    mfa.set_secret(session, user, mfa.new_secret())
    session.flush()


def locked_until(session: Session, user: User, origin: Origin) -> datetime | None:
    """When the lock of this account for whoever tries ends; None if it is not locked."""
    query = (
        select(LoginFailure)
        .where(LoginFailure.user_id == user.id, LoginFailure.network.in_(_counted(user, origin)))
        .order_by(LoginFailure.network)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    locks = [failure.locked_until for failure in session.execute(query).scalars() if failure.locked_until]
    return max((until for until in locks if until > clock.now()), default=None)


def _counted(user: User, origin: Origin) -> dict[str, int]:
    """What a failure is counted for, and how many are free there; a known device does not count for all networks."""
    place = origin.place(user)
    return {place: FREE_TRIES} if place.startswith("device:") else {EVERYWHERE: FREE_EVERYWHERE, place: FREE_TRIES}


def require_code(session: Session, user: User, code: str, *, origin: Origin, cookie: str) -> None:
    """Take a code of the second factor. The caller commits also on failure: a wrong code counts like a wrong password.

    One code at a time: however many sessions a person has, a locked account takes none, not even the right one. The wrong
    code that locks the account ends the session of `cookie`.

    Raises:
        Invalid, on the field `code`.
    """
    if not code.strip():
        raise Invalid.field("code", mark("Enter the code that your authenticator shows."))  # nothing was guessed
    session.refresh(user, with_for_update=True)
    if locked_until(session, user, origin):
        raise Invalid.field("code", LOCKED)
    try:
        mfa.require_code(session, user, code)
    except Invalid:
        if count_failure(session, user, origin):
            sessions.end(session, cookie)
        raise


@dataclass(frozen=True)
class Ending:
    """What else ends with the old password."""

    sessions: bool = True
    keys: bool = False


def change_password(  # noqa: PLR0913 - a person, two passwords and where he sits
    session: Session, user: User, present: str, new: str, *, ending: Ending, by: Actor, origin: Origin, cookie: str
) -> None:
    """Let a user choose another password; his other sessions and his keys end as he wants. The caller commits also on failure.

    Whoever sits down at an open screen does not know the present one: a wrong one counts like a failed sign-in.

    Raises:
        Invalid, on the fields `present` or `password`.
    """
    session.refresh(user, with_for_update=True)
    if locked_until(session, user, origin):
        raise Invalid.field("present", LOCKED)
    if not passwords.matches(user.password_hash, present):
        if count_failure(session, user, origin):
            sessions.end(session, cookie)
        raise Invalid.field("present", mark("This is not your present password."))
    passwords.check_rules(new, (user.name, user.email.partition("@")[0]))
    if new == present:
        raise Invalid.field("password", mark("Choose another one than the present one."))
    user.password_hash, user.password_is_first = passwords.hashed(new), False
    if ending.sessions:
        sessions.end_others(session, user.id, but=cookie)
    if ending.keys:
        keys.revoke_all(session, user.id)
    session.flush()
    trail.record(session, by, "user.password_changed", ("user", user.id), after={"ended": asdict(ending)})


def count_failure(session: Session, user: User, origin: Origin) -> datetime | None:
    """Count a failed try; beyond the free ones the account is locked for whoever tried, twice as long each time."""
    untils = [_count(session, user, place, free) for place, free in _counted(user, origin).items()]
    return max((until for until in untils if until), default=None)


def _count(session: Session, user: User, place: str, free: int) -> datetime | None:
    table = LoginFailure.__table__
    insert = postgresql.insert(LoginFailure).values(
        organisation_id=user.organisation_id, user_id=user.id, network=place, failures=1
    )
    failures = session.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "network"], set_={"failures": table.c.failures + 1}
        ).returning(table.c.failures)
    ).scalar_one()
    if place != EVERYWHERE:
        trail.record(
            session, system(user.organisation_id), "login.failed", ("user", user.id), after={"failures": failures}
        )
    if failures < free:
        return None
    until = clock.now() + min(FIRST_LOCK * 2 ** min(failures - free, 10), LONGEST_LOCK)
    failure = session.get_one(LoginFailure, (user.id, place), populate_existing=True)
    failure.locked_until = until
    return failure.locked_until


def forgive(session: Session, user: User, origin: Origin) -> None:
    """Forget the failures counted for whoever has signed in wholly."""
    for place in _counted(user, origin):
        if failure := session.get(LoginFailure, (user.id, place)):
            session.delete(failure)
