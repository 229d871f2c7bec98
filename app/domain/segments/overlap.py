"""How segments overlap: the size of every combination of two or three, and a definition for any part of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import Invalid, mark
from app.domain.segments import library, membership
from app.domain.segments.definition import AllOf, AnyOf, Definition, Node
from app.domain.segments.kinds.segment import InSegment
from app.domain.segments.models import Segment

FEWEST, MOST = 2, 3


@dataclass(frozen=True)
class Piece:
    """Who is in all of `inside` and in none of `outside`, out of everybody who is in any."""

    inside: tuple[Segment, ...]
    outside: tuple[Segment, ...]
    number: int
    share: float


@dataclass(frozen=True)
class Overlap:
    """The segments with how many are in each, everybody who is in any of them, and the pieces, which add up to that."""

    segments: tuple[tuple[Segment, int], ...]
    together: int
    pieces: tuple[Piece, ...]


def overlap(session: Session, segment_ids: Sequence[UUID], *, by: Actor) -> Overlap:
    """Count every combination at this moment, in one statement. Raises Invalid, NotFound, Conflict, Unavailable."""
    require(by, "segments:read")
    if len(set(segment_ids)) != len(segment_ids) or not FEWEST <= len(segment_ids) <= MOST:
        raise Invalid.field("segments", mark("Choose two or three different segments."))
    segments = [library.get(session, one, by=by) for one in segment_ids]
    counted = membership.combinations(session, [segment.id for segment in segments])
    together = sum(number for held, number in counted.items() if any(held))
    pieces = []
    for held in sorted(product((True, False), repeat=len(segments)), key=sum, reverse=True)[
        :-1
    ]:  # the last is nobody's
        number = counted.get(held, 0)
        inside = tuple(one for one, is_in in zip(segments, held, strict=True) if is_in)
        outside = tuple(one for one, is_in in zip(segments, held, strict=True) if not is_in)
        pieces.append(Piece(inside, outside, number, number / together if together else 0.0))
    sizes = [sum(number for held, number in counted.items() if held[n]) for n in range(len(segments))]
    return Overlap(tuple(zip(segments, sizes, strict=True)), together, tuple(pieces))


def made_of(every: Iterable[UUID] = (), either: Iterable[UUID] = (), without: Iterable[UUID] = ()) -> Definition:
    """Who is in every segment of `every`, in any of `either` if there are any, and in none of `without`."""
    any_of = AnyOf.model_construct(any=tuple(InSegment(segment=one) for one in either))
    parts: list[Node] = [InSegment(segment=one) for one in every]
    parts += [any_of] if any_of.any else []
    parts += [InSegment(segment=one, op="not_in") for one in without]
    return Definition(where=any_of if parts == [any_of] else AllOf.model_construct(all=tuple(parts)))
