"""What tests of members need: segments and contacts that change, who is inside, and what moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.segments import library, members, membership
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment, SegmentMember, SegmentMove
from tests.domain.segments.told import refresh_all, tell_all


def field(name: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "field", "field": name, "op": op, **({} if value is None else {"value": value}), **more}


def inside_of(segment: Segment, op: str = "in") -> dict[str, Any]:
    return {"kind": "segment", "segment": str(segment.id), "op": op}


HAIFA, EILAT = field("city", "eq", "Haifa"), field("city", "eq", "Eilat")
GRANTED = {"kind": "consent", "channel": "sms", "value": "granted"}
OPENED = {"kind": "message", "did": "opened"}


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[members.SegmentMoved]:
    """What flows would hear."""
    heard: list[members.SegmentMoved] = []
    monkeypatch.setattr(members, "publish", lambda _session, happening: heard.append(happening))
    return heard


def made(session: Session, by: Actor, name: str, where: dict[str, Any]) -> Segment:
    return library.create(session, SegmentInput(name=name, definition={"where": where}), by=by)


def change(session: Session, by: Actor, segment: Segment, where: dict[str, Any]) -> Segment:
    return library.update(session, segment.id, SegmentInput(name=segment.name, definition={"where": where}), by=by)


def becomes(session: Session, by: Actor, contact_id: UUID, **changed: Any) -> None:
    before = profile.input_of(session, session.get_one(Contact, contact_id))
    profile.update(session, contact_id, before.model_copy(update=changed), by=by)


def catch_up(session: Session) -> None:
    tell_all(session)
    refresh_all(session)


def inside(session: Session, segment: Segment) -> set[UUID]:
    return set(
        session.execute(select(SegmentMember.contact_id).where(SegmentMember.segment_id == segment.id)).scalars()
    )


def matching(session: Session, segment: Segment) -> set[UUID]:
    return set(session.execute(membership.audience(session, [segment.id], [])).scalars())


def replayed(session: Session, segment: Segment) -> set[UUID]:
    found: set[UUID] = set()
    query = select(SegmentMove).where(SegmentMove.segment_id == segment.id).order_by(SegmentMove.id)
    for move in session.execute(query).scalars():
        assert (move.contact_id in found) is not move.entered, (
            "nobody enters twice, or leaves without having been there"
        )
        (found.add if move.entered else found.discard)(move.contact_id)
    return found


def moves(session: Session, segment: Segment, *, without: str = "first_count") -> list[tuple[UUID, bool, str, int]]:
    query = select(SegmentMove).where(SegmentMove.segment_id == segment.id, SegmentMove.reason != without)
    found = session.execute(query.order_by(SegmentMove.id)).scalars()
    return [(move.contact_id, move.entered, move.reason, move.version) for move in found]


def due(session: Session) -> dict[str, str | None]:
    query = select(Segment.name, Segment.due_reason).where(Segment.due_at.is_not(None))
    return {row.name: row.due_reason for row in session.execute(query)}


@contextmanager
def same(session: Session) -> Iterator[Session]:
    yield session
    session.flush()
