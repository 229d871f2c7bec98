"""Record acts and read them; chain.py chains them at the end of the unit of work."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.core import clock, trace, unit
from app.core.actor import Actor, require
from app.core.page import Ask, Page, fetch
from app.domain.audit import chain
from app.domain.audit.models import AuditEntry


def record(
    session: Session,
    by: Actor,
    action: str,
    subject: tuple[str, object],
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Note an act; `subject` is (kind, id). No personal data in `before` and `after`: ids and field names only.

    The row is chained under the organisation's lock as the unit's last act, so that a long unit blocks nobody.
    """
    session.info.setdefault("audit", []).append(
        {
            "at": clock.now(),
            "actor_kind": by.kind,
            "actor_id": by.id,
            "actor_name": by.name,
            "action": action,
            "subject_kind": subject[0],
            "subject_id": str(subject[1]),
            "before": _plain(before),
            "after": _plain(after),
            "ip": by.ip,
            "correlation_id": by.correlation_id or trace.correlation.get(),
        }
    )
    unit.before_commit(session, "audit", chain.extend)


def _plain(values: Mapping[str, object] | None) -> dict[str, Any] | None:
    return None if values is None else json.loads(json.dumps(values, default=str))


@dataclass(frozen=True)
class Filter:
    """Which entries: of one subject or kind of subject, of actions that begin so, of one actor, from a moment to before another."""

    subject: tuple[str, str] | None = None
    subject_kind: str = ""
    action: str = ""
    actor_id: UUID | None = None
    first: datetime | None = None
    before: datetime | None = None

    def narrowed(self, query: Select[Any]) -> Select[Any]:
        """The query with what was asked for."""
        if self.subject:
            query = query.where(AuditEntry.subject_kind == self.subject[0], AuditEntry.subject_id == self.subject[1])
        if self.subject_kind:
            query = query.where(AuditEntry.subject_kind == self.subject_kind)
        if self.action:
            query = query.where(AuditEntry.action.startswith(self.action, autoescape=True))
        if self.first:
            query = query.where(AuditEntry.at >= self.first)
        if self.before:
            query = query.where(AuditEntry.at < self.before)
        return query.where(AuditEntry.actor_id == self.actor_id) if self.actor_id else query


def entries(
    session: Session,
    ask: Ask,
    *,
    by: Actor,
    subject: tuple[str, str] | None = None,
    action: str = "",
    wanted: Filter | None = None,
) -> Page[AuditEntry]:
    """A page of the trail, newest first; of one subject or one kind of action when asked.

    The history of one subject is for everybody who may see the subject; the door checks that.
    """
    wanted = wanted or Filter(subject=subject, action=action)
    if wanted.subject is None:
        require(by, "audit:read")
    return fetch(session, wanted.narrowed(select(AuditEntry)), [AuditEntry.__table__.c.seq], ask, descending=True)


WROTE = ("created", "changed", "restored")  # the acts that make somebody an author


def actors(session: Session, subjects: Sequence[tuple[str, UUID]], acts: Sequence[str]) -> set[UUID]:
    """Who did any of these acts ("changed") to any of these subjects."""
    if not subjects:
        return set()
    ours = tuple_(AuditEntry.subject_kind, AuditEntry.subject_id).in_([(kind, str(i)) for kind, i in subjects])
    names = {f"{kind}.{act}" for kind, _ in subjects for act in acts}
    query = select(AuditEntry.actor_id).where(ours, AuditEntry.action.in_(names), AuditEntry.actor_id.is_not(None))
    return {i for i in session.execute(query.distinct()).scalars() if i}


def last_change(session: Session, subject: tuple[str, UUID]) -> AuditEntry | None:
    """The newest act that made or changed a subject."""
    kind, subject_id = subject
    acts = [f"{kind}.{act}" for act in WROTE]
    query = select(AuditEntry).where(
        AuditEntry.subject_kind == kind, AuditEntry.subject_id == str(subject_id), AuditEntry.action.in_(acts)
    )
    return session.execute(query.order_by(AuditEntry.seq.desc()).limit(1)).scalar_one_or_none()


@dataclass(frozen=True)
class Changed:
    """One act that wrote data of contacts: of one (`contact_id`), or an import's (None)."""

    who: str
    act: str
    fields: frozenset[str]
    contact_id: UUID | None


def changes_of_data(session: Session, people: Sequence[UUID], *, since: datetime, before: timedelta) -> list[Changed]:
    """What these people wrote into contacts since a moment; an import they began up to `before` it counts if it ended later."""
    entry, ended = AuditEntry, aliased(AuditEntry)
    by_hand = entry.action.in_(("contact.created", "contact.changed", "contact.restored")) & (entry.at >= since)
    over = select(ended.id).where(
        ended.subject_kind == "import",
        ended.subject_id == entry.subject_id,
        ended.action.in_(("import.completed", "import.failed", "import.cancelled")),
        ended.at < since,
    )
    imported = (entry.action == "import.started") & (entry.at >= since - before) & ~over.exists()
    query = select(entry).where(entry.actor_id.in_(people), by_hand | imported).order_by(entry.seq)
    return [_changed(one) for one in session.execute(query).scalars()]


def _changed(one: AuditEntry) -> Changed:
    said = one.after or {}
    if one.subject_kind == "import":
        return Changed(one.actor_name, one.action, frozenset((said.get("mapping") or {}).values()), None)
    return Changed(one.actor_name, one.action, frozenset(said.get("fields") or ()), UUID(one.subject_id))


def export(session: Session, wanted: Filter, *, by: Actor) -> Iterator[AuditEntry]:
    """Note the export and stream the entries asked for, oldest first. The export's own entry is not in it. Raises Forbidden."""
    require(by, "audit:export")
    record(
        session,
        by,
        "audit.exported",
        ("audit", by.organisation_id),
        after={"action": wanted.action, "subject": wanted.subject_kind},
    )
    return _stream(session, wanted, session.execute(select(func.coalesce(func.max(AuditEntry.seq), 0))).scalar_one())


def _stream(session: Session, wanted: Filter, last: int) -> Iterator[AuditEntry]:
    query = wanted.narrowed(select(AuditEntry)).where(AuditEntry.seq <= last).order_by(AuditEntry.seq)
    yield from session.execute(query.execution_options(yield_per=2000)).scalars()
