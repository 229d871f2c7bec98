"""Sessions in PostgreSQL: an opaque id, an idle and an absolute end, revocable."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import NotFound, mark
from app.core.unit import act_as
from app.domain.access.models import Organisation, User, UserSession
from app.domain.access.permissions import of_role
from app.domain.audit import trail

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
_TOUCH = timedelta(seconds=30)

# Asked with every page, so made once: whose session it is (and work for them from here on), then everything about it.
_ENTER = text(
    "SELECT organisation_id, set_config('app.organisation_id', organisation_id::text, true) FROM find_session(:id)"
)
_KNOWN = (
    select(UserSession, User, Organisation)
    .join(User, User.id == UserSession.user_id)
    .join(Organisation, Organisation.id == UserSession.organisation_id)
    .where(UserSession.id_hash == bindparam("id"))
)


@dataclass(frozen=True)
class Opened:
    """A session found by its cookie: its row, its user and their organisation."""

    row: UserSession
    user: User
    organisation: Organisation


def _hash(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


def start(session: Session, user: User, *, ip: str | None, agent: str | None, with_factor: bool) -> str:
    """Begin a session; the cookie's value. A new one is made at every step of a login (fixation)."""
    cookie = secrets.token_urlsafe(32)
    now = clock.now()
    session.add(
        UserSession(
            organisation_id=user.organisation_id,
            id_hash=_hash(cookie),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            ends_at=now + ABSOLUTE,
            factor_at=now if with_factor else None,
            ip=ip,
            agent=(agent or "")[:200],
        )
    )
    return cookie


def find(session: Session, cookie: str, *, touch: bool) -> Opened | None:
    """The open session of a cookie, or None. The database session works for its organisation afterwards.

    `touch` is False for polling, which must not keep a session alive.
    """
    asked = {"id": _hash(cookie)}
    found = session.execute(_ENTER, asked).scalar_one_or_none()
    if found is None:
        return None
    act_as(session, system(found), is_set=True)
    known = session.execute(_KNOWN, asked).one_or_none()
    if known is None:
        return None
    (row, user, organisation), now = known, clock.now()
    if row.revoked_at or row.ends_at <= now or row.seen_at + IDLE <= now or not user.is_active:
        return None
    if touch and now - row.seen_at > _TOUCH:
        row.seen_at = now
    return Opened(row, user, organisation)


def ended(session: Session, cookie: str) -> UUID | None:
    """Whose session a cookie was that has ended in the last day. The database session works for its organisation afterwards."""
    asked = {"id": _hash(cookie)}
    found = session.execute(_ENTER, asked).scalar_one_or_none()
    if found is None:
        return None
    act_as(session, system(found), is_set=True)
    row = session.get(UserSession, asked["id"])
    return row.user_id if row and row.factor_at and row.seen_at > clock.now() - ABSOLUTE * 2 else None


def actor_for(opened: Opened, *, ip: str | None, correlation_id: str | None) -> Actor:
    """The actor a session speaks for. Without a second factor and a password of his own he holds no permission at all."""
    user = opened.user
    is_proved = opened.row.factor_at is not None and not user.password_is_first
    return Actor(
        organisation_id=user.organisation_id,
        kind="user",
        id=user.id,
        name=user.name,
        role=user.role,
        permissions=of_role(user.role) if is_proved else frozenset(),
        locale=user.locale or "en",
        ip=ip,
        correlation_id=correlation_id,
        factor_at=opened.row.factor_at,
    )


def refresh_factor(session: Session, cookie: str) -> None:
    """Note that a second factor was shown just now."""
    row = session.get(UserSession, _hash(cookie))
    if row:
        row.factor_at = clock.now()


def of_user(session: Session, user_id: UUID) -> list[UserSession]:
    """The open sessions of a user, newest first."""
    query = (
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.ends_at > clock.now())
        .order_by(UserSession.seen_at.desc())
    )
    return list(session.execute(query).scalars())


def end_others(session: Session, user_id: UUID, *, but: str | None = None) -> None:
    """End all sessions of a user at once, except that of the cookie `but`."""
    others = update(UserSession).where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
    if but is not None:
        others = others.where(UserSession.id_hash != _hash(but))
    session.execute(others.values(revoked_at=clock.now()))


def end(session: Session, cookie: str) -> None:
    """End a session by its cookie."""
    row = session.get(UserSession, _hash(cookie))
    if row:
        row.revoked_at = clock.now()


def revoke(session: Session, id_hash: bytes, *, by: Actor) -> None:
    """End one of the actor's own sessions. Raises NotFound."""
    changed = session.execute(
        update(UserSession)
        .where(UserSession.id_hash == id_hash, UserSession.user_id == by.id, UserSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(UserSession.user_id)
    ).all()
    if not changed:
        raise NotFound(mark("This session has ended already."))
    trail.record(session, by, "session.revoked", ("user", by.id))
