"""Keys for pages: in everybody's hands, so they tell events, and nothing more, from the pages they were made for."""

import re
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Invalid, NotFound, mark
from app.domain.access import keys, users
from app.domain.access.models import ApiKey, User
from app.domain.audit import trail

LIFE = timedelta(days=730)  # a page that is printed in an app cannot be changed every 90 days
MOST = 20
_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


def create(session: Session, *, name: str, origins: Iterable[str], by: Actor) -> ApiKey:
    """Make a key of one's own for pages of these origins, such as https://www.bank.com. Raises Invalid, Forbidden."""
    require(by, "events:track")
    assert by.id is not None
    return make(session, users.get(session, by.id), name=name, origins=origins, by=by)


def make(session: Session, user: User, *, name: str, origins: Iterable[str], by: Actor) -> ApiKey:
    """The same in somebody's name, for whoever may already."""
    served = _checked(origins)
    key, _whole = keys.new(session, user, name, "pk", LIFE)
    key.origins = served
    trail.record(session, by, "key.created", ("key", key.id), after={"origins": served, "user": str(user.id)})
    return key


def get(session: Session, key_id: UUID, *, by: Actor) -> ApiKey:
    """A key for pages that the actor may change: his own, or any for who writes keys. Raises NotFound, Forbidden."""
    key = keys.get(session, key_id)
    if key.kind != "public":
        raise NotFound(mark("There is no such key, or it was revoked already."))
    if key.user_id != by.id:
        require(by, "keys:write")
    return key


def serve(session: Session, key_id: UUID, origins: Iterable[str], *, by: Actor) -> ApiKey:
    """Say which origins a key for pages serves from now on. Raises NotFound, Invalid, Forbidden."""
    key = get(session, key_id, by=by)
    before, key.origins = key.origins, _checked(origins)
    trail.record(
        session, by, "key.origins", ("key", key.id), before={"origins": before}, after={"origins": key.origins}
    )
    return key


def example(session: Session, *, by: Actor) -> ApiKey | None:
    """The newest key for pages that works, to be shown in an example."""
    require(by, "events:read")
    mine = ApiKey.kind == "public", ApiKey.revoked_at.is_(None), ApiKey.expires_at > clock.now()
    return session.execute(select(ApiKey).where(*mine).order_by(ApiKey.id.desc()).limit(1)).scalar_one_or_none()


def _checked(origins: Iterable[str]) -> list[str]:
    """Origins as browsers write them, each once."""
    found = list(dict.fromkeys(one.strip().lower().rstrip("/") for one in origins if one.strip()))
    if any(not _ORIGIN.fullmatch(one) for one in found):
        raise Invalid.field("origins", mark("An origin is written like https://www.bank.com, without a path."))
    if len(found) > MOST:
        raise Invalid.field("origins", mark("A key serves 20 origins at most."))
    return found
