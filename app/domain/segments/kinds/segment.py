"""Whoever another segment matches at the same moment."""

from typing import Literal
from uuid import UUID

from app.core.errors import mark
from app.domain.segments.condition import Condition, Dependencies, Id
from app.domain.segments.context import CompileContext, Predicate, opposite
from app.domain.segments.saying import Names, Said


class InSegment(Condition):
    """In another segment, or not."""

    kind: Literal["segment"] = "segment"
    segment: Id
    op: Literal["in", "not_in"] = "in"

    def compile(self, around: CompileContext) -> Predicate:
        """The other segment's own conditions, written out: the planner then sees all of them at once."""
        found = around.segment(self.segment)
        return opposite(found) if self.op == "not_in" else found

    def words(self, names: Names) -> Said:
        """The name of the segment."""
        said = {"name": names.segments.get(self.segment, str(self.segment))}
        if self.op == "in":
            return Said(mark("the contact is in the segment “%(name)s”"), said)
        return Said(mark("the contact is not in the segment “%(name)s”"), said)

    @property
    def segments(self) -> tuple[UUID, ...]:
        """The one it names."""
        return (self.segment,)

    @property
    def needs(self) -> Dependencies:
        """The segment it names; what that one needs is its own affair."""
        return Dependencies(segments=frozenset(self.segments))
