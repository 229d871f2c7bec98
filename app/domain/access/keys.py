"""API keys: `ck_<8 characters>_<secret>`, kept as a hash, scoped, expiring; and those of pages, `pk_...`, which are no secret."""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require, require_fresh_factor, system
from app.core.errors import Forbidden, NotFound, mark
from app.core.unit import act_as
from app.domain.access.models import ApiKey, User
from app.domain.access.permissions import granted_by_name, of_key, of_role
from app.domain.audit import trail

LONGEST_LIFE = timedelta(days=90)
OF_PAGES = frozenset({"events:track"})  # all that a public key may, whoever made it
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def create(session: Session, user: User, *, name: str, scopes: list[str], by: Actor) -> str:
    """Make a key for a user; the whole key, shown once. One that approves waits for a second person.

    Raises:
        Forbidden (a scope the user does not hold), FactorNeeded (a scope that approves, without a fresh factor).
    """
    if by.id != user.id:
        require(by, "keys:write")
    if granted_by_name() & set(scopes):
        require_fresh_factor(by)
    if by.kind == "key" and not set(scopes) <= by.permissions:
        raise Forbidden(mark("A key makes no key that may do more than itself: name permissions it holds."))
    foreign = set(scopes) - of_role(user.role) - {"*"}
    if foreign:
        raise Forbidden(mark("The key's user does not hold %(scopes)s."), scopes=", ".join(sorted(foreign)))
    key, whole = new(session, user, name, "ck", LONGEST_LIFE)
    key.scopes = sorted(scopes)
    key.is_waiting = bool(granted_by_name() & set(scopes)) and not by.is_system
    session.flush()
    trail.record(session, by, "key.created", ("key", key.id), after={"scopes": scopes, "user": str(user.id)})
    return whole


def new(session: Session, user: User, name: str, begins: str, life: timedelta) -> tuple[ApiKey, str]:
    """A fresh key of a user that may nothing yet, and the whole of it. One that begins with pk is public: it is kept whole."""
    session.flush()
    session.refresh(user, with_for_update=True)  # not in the moment of a reset, which ends all keys there are
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    whole, is_public = f"{begins}_{prefix}_{secret}", begins == "pk"
    key = ApiKey(
        organisation_id=user.organisation_id,
        user_id=user.id,
        kind="public" if is_public else "secret",
        name=name,
        prefix=prefix,
        secret_hash=sha256(secret.encode()).digest(),
        scopes=[],
        origins=[],
        shown=whole if is_public else None,
        is_waiting=False,
        created_at=clock.now(),
        expires_at=clock.now() + life,
    )
    session.add(key)
    session.flush()
    return key, whole


def of_whole(session: Session, whole: str) -> ApiKey:
    """The key that was just made."""
    return session.execute(select(ApiKey).where(ApiKey.prefix == whole.split("_")[1])).scalar_one()


def get(session: Session, key_id: UUID) -> ApiKey:
    """One key. Raises NotFound."""
    key = session.get(ApiKey, key_id)
    if key is None or key.revoked_at:
        raise NotFound(mark("There is no such key, or it was revoked already."))
    return key


def listed(session: Session, *, by: Actor) -> list[ApiKey]:
    """The actor's own keys that have not been revoked, newest first; all keys for who may write keys."""
    query = select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id.desc())
    if not by.may("keys:write"):
        query = query.where(ApiKey.user_id == by.id)
    return list(session.execute(query).scalars())


def revoke(session: Session, key_id: UUID, *, by: Actor) -> None:
    """End a key at once. Raises NotFound, Forbidden (somebody else's, without the permission)."""
    key = get(session, key_id)
    if key.user_id != by.id:
        require(by, "keys:write")
    key.revoked_at = clock.now()
    trail.record(session, by, "key.revoked", ("key", key.id))


def revoke_all(session: Session, user_id: UUID) -> None:
    """End all keys of a user at once."""
    live = update(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    session.execute(live.values(revoked_at=clock.now()))


def actor_for(
    session: Session, presented: str, *, ip: str | None, correlation_id: str | None, origin: str | None = None
) -> Actor | None:
    """The actor a key speaks for, or None. The session works for its organisation afterwards.

    Raises Forbidden for a public key that a browser sends from a page it does not serve.
    """
    parts = presented.split("_", 2)
    if len(parts) != 3 or parts[0] not in ("ck", "pk"):
        return None
    found = session.execute(
        text("SELECT organisation_id, key_id FROM find_key(:prefix)"), {"prefix": parts[1]}
    ).one_or_none()
    if found is None:
        return None
    act_as(session, system(found.organisation_id))
    key = session.get_one(ApiKey, found.key_id)
    user = session.get_one(User, key.user_id)
    good = hmac.compare_digest(key.secret_hash, sha256(parts[2].encode()).digest())
    if not good or (key.kind == "public") != (parts[0] == "pk") or not is_live(key, user):
        return None
    if key.used_at is None or clock.now() - key.used_at > timedelta(minutes=1):
        key.used_at = clock.now()
    if key.kind == "public" and origin and origin.lower() not in key.origins:
        raise Forbidden(mark("This key does not serve pages of %(origin)s. Add it to the key’s list."), origin=origin)
    return Actor(
        organisation_id=user.organisation_id,
        kind="key" if key.kind == "secret" else "public",
        id=user.id,
        name=f"{user.name} ({key.name})",
        role=user.role,
        permissions=of_key(user.role, key.scopes) if key.kind == "secret" else OF_PAGES,
        locale=user.locale or "en",
        ip=ip,
        correlation_id=correlation_id,
        key_id=key.id,
    )


def is_live(key: ApiKey, user: User) -> bool:
    """Whether a key speaks for its user now."""
    is_over = key.is_waiting or key.revoked_at or key.expires_at <= clock.now()
    return not is_over and user.is_active and not user.password_is_first
