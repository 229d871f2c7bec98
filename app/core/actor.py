"""Who asks: a user, an API key acting as its user, or the system itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core import clock
from app.core.errors import FactorNeeded, Forbidden, mark

FRESH_FACTOR = timedelta(minutes=5)


@dataclass(frozen=True)
class Actor:
    """Everything a verb needs to know of the one who asks.

    `id` is the user's id (also for a key, which acts as its user), None for the system.
    `factor_at` is when a second factor was last shown; a key with an explicitly granted scope counts as fresh.
    """

    organisation_id: UUID
    kind: str = "system"
    id: UUID | None = None
    name: str = "Carillon"
    role: str = ""
    permissions: frozenset[str] = frozenset()
    locale: str = "en"
    ip: str | None = None
    correlation_id: str | None = None
    factor_at: datetime | None = None
    key_id: UUID | None = None

    @property
    def is_system(self) -> bool:
        return self.kind == "system"

    def may(self, permission: str) -> bool:
        """True if the actor holds a named permission; the system holds all."""
        return self.is_system or permission in self.permissions


def system(organisation_id: UUID, correlation_id: str | None = None) -> Actor:
    """The system acting inside one organisation."""
    return Actor(organisation_id=organisation_id, correlation_id=correlation_id)


def require(by: Actor, permission: str) -> None:
    """Let the actor pass, or raise Forbidden."""
    if not by.may(permission):
        raise Forbidden(mark("You may not do this. It needs the permission “%(permission)s”."), permission=permission)


def require_fresh_factor(by: Actor) -> None:
    """Let an actor pass who showed a second factor in the last five minutes, or raise FactorNeeded."""
    if by.is_system or by.kind == "key":
        return
    if by.factor_at is None or clock.now() - by.factor_at > FRESH_FACTOR:
        raise FactorNeeded(mark("Enter a fresh code from your authenticator to confirm that it is you."))
