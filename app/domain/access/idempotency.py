"""Idempotency keys of the REST API: the first answer is kept for 72 hours and given again."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Conflict, mark
from app.core.sql import changed
from app.core.unit import actor_of
from app.domain.access.keyring import vault_of
from app.domain.access.models import IdempotencyKey

KEPT = timedelta(hours=72)


@dataclass(frozen=True)
class Answer:
    """An answer given before."""

    status: int
    body: bytes


def begin(session: Session, principal: UUID, route: str, key: str, request_hash: bytes) -> Answer | None:
    """Take the key for this request, or give back the first answer.

    Two at once: the second waits for the first's transaction. Raises Conflict when the key was used for another body.
    """
    organisation_id = actor_of(session).organisation_id
    made = session.execute(
        insert(IdempotencyKey)
        .values(
            organisation_id=organisation_id,
            principal=principal,
            route=route,
            key=key,
            request_hash=request_hash,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).first()
    if made:
        return None
    row = session.get_one(IdempotencyKey, (organisation_id, principal, route, key))
    if row.request_hash != request_hash:
        raise Conflict(mark("This Idempotency-Key was used for another request. Take a new one."))
    if row.status is None or row.answer is None:
        raise Conflict(mark("The first request with this Idempotency-Key has not finished yet. Try again in a moment."))
    return Answer(row.status, vault_of(session).open(row.answer, f"idempotency|{key}"))


def finish(session: Session, principal: UUID, route: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer, sealed: it may hold personal data."""
    row = session.get_one(IdempotencyKey, (actor_of(session).organisation_id, principal, route, key))
    row.status, row.answer = status, vault_of(session).seal(body, f"idempotency|{key}")


def forget_old(session: Session) -> int:
    """Drop keys that are older than 72 hours; how many."""
    return changed(session, delete(IdempotencyKey).where(IdempotencyKey.created_at < clock.now() - KEPT))
