"""One event and then another, or the first without the second."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from sqlalchemy import ColumnElement, Exists, Interval, RowMapping, cast, false, literal, not_, select, true

from app.core.db import live
from app.core.errors import mark
from app.domain.events.matching import EventIs
from app.domain.events.models import Event
from app.domain.segments import events
from app.domain.segments.condition import Condition, Dependencies
from app.domain.segments.context import CompileContext, Predicate, When, contact, during
from app.domain.segments.saying import SPANS, Names, Said
from app.domain.segments.spans import Span

one, other = live(Event).alias("one"), live(Event).alias("other")
_WORDS = {
    (True, "last"): mark("the contact did %(first)s and then %(then)s within %(span)s after it"),
    (False, "last"): mark("the contact did %(first)s and not %(then)s within %(span)s after it, and this time is over"),
    (True, "days"): mark("the contact did %(first)s and then %(then)s, both %(span)s"),
    (False, "days"): mark("the contact did %(first)s and not %(then)s after it, %(span)s, and this time is over"),
    (True, ""): mark("the contact did %(first)s and at any time after it %(then)s"),
    (False, ""): mark("the contact did %(first)s and has not done %(then)s after it"),
}


class DidThen(Condition):
    """At least once the contact did `first`, and did (or, with `happened` false, did not do) `then` after it within a time.

    `within` of {"last": 14, "unit": "days"} is measured from each `first`: `then` came later than it, and at most 14 times 24
    hours later. Whoever did not do it belongs here only once those are over: until then he may still. Of {"from", "to"} both lie
    in these days, and who did not do it belongs here once the last is over. Without `within` it is any time after `first`,
    so far. Each `first` is looked at by itself: who followed one and left another matches both ways.
    """

    kind: Literal["sequence"] = "sequence"
    first: EventIs
    then: EventIs
    happened: bool = True
    within: Span | None = None

    has_value: ClassVar[bool] = True

    def compile(self, around: CompileContext) -> Predicate:
        """A semi-join or an anti-join of the two events by the contact, in one pass over each."""
        when = self._days(around)
        begun = select(one.c.contact_id).where(
            one.c.contact_id == contact.c.id, self.first.compile(one), *during(one.c.occurred_at, when)
        )
        if self.happened:
            return begun.where(self._followed(when)).correlate(contact).exists()
        return begun.where(self._is_over(around, when), not_(self._followed(when))).correlate(contact).exists()

    def _followed(self, when: When) -> Exists:
        later = [other.c.occurred_at > one.c.occurred_at, *during(other.c.occurred_at, when)]
        if self._length is not None:
            later.append(other.c.occurred_at <= one.c.occurred_at + self._length)
        done = select(other.c.id).where(other.c.contact_id == one.c.contact_id, self.then.compile(other), *later)
        return done.correlate(one).exists()

    def _is_over(self, around: CompileContext, when: When) -> Predicate:
        if self._length is not None:
            return one.c.occurred_at + self._length <= around.now
        return false() if when[1] and when[1] > around.now else true()

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The last `first` of the contact, and what he did after it."""
        when = self._days(around)
        begun: datetime | None = self._edge(
            around, self.first, row, one.c.occurred_at.desc(), *during(one.c.occurred_at, when)
        )
        if begun is None:
            return None
        then = self._edge(
            around, self.then, row, one.c.occurred_at, one.c.occurred_at > begun, *during(one.c.occurred_at, when)
        )
        return {"first": begun, "then": then}

    def shown(self, value: Any) -> Any:
        """The two moments in words."""
        if value is None:
            return None
        said = {
            "first": f"“{self.first.event}”",
            "then": f"“{self.then.event}”",
            "at": value["first"],
            "later": value["then"],
        }
        if value["then"] is None:
            return Said(mark("%(first)s last on %(at)s, no %(then)s after it"), said)
        return Said(mark("%(first)s last on %(at)s, %(then)s on %(later)s"), said)

    def words(self, _names: Names) -> Said:
        """Both events, and what the time means."""
        span: Any = None
        if self.within:
            is_length = self.within.last is not None
            span = Said(SPANS[self.within.unit], {"number": self.within.last}) if is_length else self.within.words()
        way = "" if self.within is None else "days" if self._length is None else "last"
        said = {"first": events.words(self.first), "then": events.words(self.then), "span": span}
        return Said(_WORDS[self.happened, way], said)

    @property
    def needs(self) -> Dependencies:
        """Both events; that something did not happen becomes true by the time alone."""
        return Dependencies(events=frozenset({self.first.event, self.then.event}), relative=not self.happened)

    @property
    def _length(self) -> ColumnElement[Any] | None:
        if self.within is None or self.within.last is None:
            return None
        return cast(literal(f"{self.within.last} {self.within.unit}"), Interval)

    def _days(self, around: CompileContext) -> When:
        """The days in which both lie."""
        return self.within.bounds(around) if self.within and self.within.last is None else (None, None)

    def _edge(self, around: CompileContext, meant: EventIs, row: RowMapping, order: Any, *where: Predicate) -> Any:
        found = select(one.c.occurred_at).where(one.c.contact_id == row["id"], meant.compile(one), *where)
        return around.session.execute(found.order_by(order).limit(1)).scalar_one_or_none()
