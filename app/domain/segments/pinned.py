"""Segments as they were approved: the definitions of all that are needed, as they are stored, by id."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.segments import encryption
from app.domain.segments.check import reached
from app.domain.segments.definition import Definition
from app.domain.segments.models import Segment


def definitions(session: Session, segment_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    """The definitions of segments, and of every one that those lean on: a change of any of them is a change."""
    found: dict[UUID, dict[str, Any]] = {}
    for i in segment_ids:
        segment = session.get_one(Segment, i)
        found[i] = segment.definition
        for inner in reached(session, encryption.opened(session, segment)):
            found[inner] = session.get_one(Segment, inner).definition
    return found


def opened(session: Session, stored: Mapping[UUID, dict[str, Any]]) -> dict[UUID, Definition]:
    """Pinned definitions, their values readable."""
    return {i: encryption.readable(session, one) for i, one in stored.items()}
