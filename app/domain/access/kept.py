"""A form that was sent when its session had ended: kept, sealed, and given back to the same person after signing in again."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import changed
from app.core.unit import actor_of
from app.domain.access.keyring import vault_of
from app.domain.access.models import KeptForm

LONGEST = timedelta(hours=24)
MOST = 5  # forms of one person
LARGEST = 256 * 1024
NEVER = frozenset({"csrf_token", "password", "present", "again", "code", "secret"})

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Kept:
    """What was written: the fields in their order, where they were to be sent, and the page they stood on."""

    path: str
    page: str
    fields: Fields
    token: str


def keep(session: Session, user_id: UUID, *, path: str, page: str, fields: Iterable[tuple[str, str]]) -> str | None:
    """Keep a form for its writer; the token that finds it again, None if there is nothing to keep or too much of it."""
    said = json.dumps([(name, value) for name, value in fields if name not in NEVER])
    if said == "[]" or len(said) > LARGEST:
        return None
    token = secrets.token_urlsafe(32)
    hashed = _hash(token)
    session.add(
        KeptForm(
            organisation_id=actor_of(session).organisation_id,
            token_hash=hashed,
            user_id=user_id,
            path=path[:500],
            page=page[:500],
            sealed=vault_of(session).seal(said.encode(), f"kept_forms|{hashed.hex()}"),
            at=clock.now(),
        )
    )
    session.flush()
    newest = select(KeptForm.token_hash).where(KeptForm.user_id == user_id).order_by(KeptForm.at.desc()).limit(MOST)
    session.execute(delete(KeptForm).where(KeptForm.user_id == user_id, KeptForm.token_hash.not_in(newest)))
    return token


def find(session: Session, token: str, user_id: UUID | None) -> Kept | None:
    """What a token finds, for the person who wrote it and nobody else."""
    row = session.get(KeptForm, _hash(token)) if token else None
    if row is None or row.user_id != user_id or row.at + LONGEST <= clock.now():
        return None
    said = vault_of(session).open(row.sealed, f"kept_forms|{row.token_hash.hex()}")
    return Kept(row.path, row.page, [(name, value) for name, value in json.loads(said)], token)


def forget(session: Session, token: str) -> None:
    """Destroy what was kept."""
    session.execute(delete(KeptForm).where(KeptForm.token_hash == _hash(token)))


def forget_old(session: Session) -> int:
    """Destroy what nobody came back for; how many."""
    return changed(session, delete(KeptForm).where(KeptForm.at < clock.now() - LONGEST))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
