"""The chain that shows every change, removal or addition in the trail.

Each entry carries an HMAC-SHA256 over the entry before it and itself, under a key that is derived from the master key: whoever
can write to the database, but does not hold that key, cannot chain anew what he changed. The head is anchored outside the
database (anchors.py), so that a cut end shows, too.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.core import unit
from app.core.actor import Actor, require
from app.core.vault import vault_from
from app.domain.audit import anchors
from app.domain.audit.models import AuditEntry, AuditHead

_GENESIS = b"\x00" * 32
_SIGNED = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "action", "subject_kind", "subject_id",
    "before", "after", "ip", "correlation_id",
)  # fmt: skip


def extend(session: Session) -> None:
    """Chain the acts of a unit of work, under the organisation's lock."""
    rows: list[dict[str, Any]] = session.info.pop("audit", [])
    organisation_id = unit.actor_of(session).organisation_id
    session.flush()
    head, key = _locked_head(session, organisation_id), _key(session, organisation_id)
    seq, previous = head.seq, head.hash
    for row in rows:
        seq += 1
        row |= {"organisation_id": organisation_id, "seq": seq, "previous": previous}
        row["hash"] = previous = digest(key, previous, row)
    session.execute(insert(AuditEntry), rows)
    head.seq, head.hash = seq, previous
    session.flush()


def _locked_head(session: Session, organisation_id: UUID) -> AuditHead:
    query = select(AuditHead).where(AuditHead.organisation_id == organisation_id).with_for_update()
    head = session.execute(query).scalar_one_or_none()
    if head is None:
        first = postgresql.insert(AuditHead).values(organisation_id=organisation_id, seq=0, hash=_GENESIS)
        session.execute(first.on_conflict_do_nothing())
        head = session.execute(query).scalar_one()
    return head


def digest(key: bytes, previous: bytes, row: Mapping[str, Any]) -> bytes:
    """HMAC-SHA256 (RFC 2104) of the previous digest and the entry's canonical JSON."""
    said = {name: _canonical(row[name]) for name in _SIGNED}
    return hmac.digest(key, previous + json.dumps(said, sort_keys=True, ensure_ascii=False).encode(), "sha256")


def _canonical(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, UUID) else value


def _key(session: Session, organisation_id: UUID) -> bytes:
    return key_of(unit.settings_of(session).master_key, organisation_id)


@lru_cache(maxsize=64)
def key_of(master_key: bytes, organisation_id: UUID) -> bytes:
    """The key of an organisation's chain."""
    return vault_from(master_key).key_for(f"audit|{organisation_id}")


@dataclass(frozen=True)
class Verdict:
    """The chain's state: how many entries were read, and the first that does not fit (None if all do)."""

    entries: int
    broken_at: int | None
    reason: str = ""


def verify(session: Session, *, by: Actor) -> Verdict:
    """Read the whole chain of the session's organisation and tell whether anything was changed, removed or added."""
    require(by, "audit:read")
    organisation_id = unit.actor_of(session).organisation_id
    key, anchored = _key(session, organisation_id), anchors.of(unit.settings_of(session), organisation_id)
    previous, expected = _GENESIS, 0
    stream = session.execute(select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=2000)).scalars()
    for entry in stream:
        expected += 1
        if entry.seq != expected:
            return Verdict(expected, expected, "an entry is missing")
        row = {name: getattr(entry, name) for name in _SIGNED}
        if entry.previous != previous or not hmac.compare_digest(entry.hash, digest(key, previous, row)):
            return Verdict(expected, entry.seq, "an entry was changed")
        if anchored.pop(entry.seq, entry.hash) != entry.hash:
            return Verdict(expected, entry.seq, "the chain is not the one that was anchored")
        previous = entry.hash
    if anchored:
        return Verdict(expected, expected + 1, "entries at the end are missing")
    return _verify_head(session, expected, previous)


def _verify_head(session: Session, entries: int, last: bytes) -> Verdict:
    head = session.execute(select(AuditHead)).scalar_one_or_none()
    if head is None:
        return Verdict(entries, None) if entries == 0 else Verdict(entries, entries, "the head is missing")
    if head.seq != entries or head.hash != last:
        return Verdict(entries, entries + 1, "entries at the end are missing")
    return Verdict(entries, None)
