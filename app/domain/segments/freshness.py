"""What keeps members fresh: a contact who changed is looked at again at once, a segment as a whole when it is due.

A change wakes only the segments that look at what changed (reads.py). As a whole a segment is gone through when its definition
changes, after an import or news of the bank, every minute if it asks for messages, after midnight if it asks for today, and
once an hour in any case.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, insert, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.nouns import Happening
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.access.keyring import organisation_of
from app.domain.consent.ledger import ConsentChanged
from app.domain.contacts.profile import ContactsChanged
from app.domain.events import interest
from app.domain.segments import days, encryption, members, reads
from app.domain.segments.definition import Definition
from app.domain.segments.models import Segment, SegmentWake

_SQL = load("segments/members.sql")
REFRESH = Job("segments", "jobs.segments.refresh", 60)
RECOUNT = Job("segments", "jobs.segments.recount", 120)
AT_ONCE = 500  # wakes
_Open = Callable[[], AbstractContextManager[Session]]
_is_due = Segment.due_at.is_not(None)


class _Woken(NamedTuple):
    contact_id: UUID
    reads: Sequence[str] | None
    reason: str


def on_contacts(session: Session, happening: ContactsChanged) -> None:
    """Contacts are not what they were: a few are looked at again, after an import everybody is."""
    changed = reads.of_contact(happening.fields) if happening.fields else None
    if happening.contacts:
        wake(session, happening.contacts, changed, "data")
    else:
        owe(session, "import", reads.any_of(changed))


def on_consent(session: Session, happening: ConsentChanged) -> None:
    """Somebody gave his consent or took it back."""
    wake(session, [happening.subject], [reads.CONSENT], "consent")


def on_bank(session: Session, _happening: Happening) -> None:
    """Balances of a day are there, or a month was calculated, approved or told."""
    owe(session, "bank", reads.any_of([reads.BANK]))


def settle(session: Session, segment: Segment, definition: Definition, reason: str) -> None:
    """What follows from a definition that is new: what it looks at, and that it is gone through, with all that name it."""
    _look_at(session, segment, definition)
    owe(session, reason, Segment.id == segment.id)
    outer = select(Segment).where(reads.any_of([reads.segment(segment.id)]), Segment.reads.is_not(None))
    for one in session.execute(outer).scalars():
        _look_at(session, one, encryption.opened(session, one))
        owe(session, reason, Segment.id == one.id)


def _look_at(session: Session, segment: Segment, definition: Definition) -> None:
    """Note what a segment looks at, and hear of the events among it. What happens from now on wakes it."""
    found = reads.needs(session, definition)
    segment.reads = reads.words(found)
    interest.listen(session, "segments", segment.id, found.events)


def put_away(session: Session, segment: Segment) -> None:
    """Let everybody leave a segment that was archived, and hear of nothing any more."""
    interest.listen(session, "segments", segment.id, ())
    owe(session, "archived", Segment.id == segment.id)


def wake(session: Session, contact_ids: Iterable[UUID], changed: Sequence[str] | None, reason: str) -> None:
    """Let these contacts be looked at again by the segments that look at what changed."""
    shared = {"organisation_id": actor_of(session).organisation_id, "reads": changed, "reason": reason}
    session.execute(insert(SegmentWake), [shared | {"contact_id": one} for one in contact_ids])
    enqueue_after_commit(session, REFRESH, shared["organisation_id"])


def owe(session: Session, reason: str, *which: ColumnElement[bool]) -> None:
    """Let segments be gone through as a whole, soon."""
    session.execute(update(Segment).where(*which).values(due_at=clock.now(), due_reason=reason))
    enqueue_after_commit(session, RECOUNT, actor_of(session).organisation_id)


def make_due(session: Session) -> None:
    """Find what the time has made due."""
    now, zone = clock.now(), organisation_of(session).timezone
    midnight = days.begin(clock.today(zone), zone)
    session.execute(_SQL["make_due"], {"now": now, "hour_ago": now - timedelta(hours=1), "midnight": midnight})


def are_woken(session: Session) -> bool:
    """True if contacts are to be looked at again."""
    is_woken = session.execute(select(exists().where(SegmentWake.id.is_not(None)))).scalar()
    return bool(is_woken) or interest.waiting(session, "segments")


def are_due(session: Session) -> bool:
    """True if segments are to be gone through."""
    return bool(session.execute(select(exists().where(_is_due))).scalar())


def refresh_woken(open_unit: _Open, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Look again at everybody who is to be."""
    while not stopping():
        with open_unit() as session:
            if not take_some(session):
                return


def take_some(session: Session) -> int:
    """Look again at those who wait longest, all that changed of them together; how many were taken."""
    asked = {"organisation": actor_of(session).organisation_id, "most": AT_ONCE}
    taken = [_Woken(*row) for row in session.execute(_SQL["take_wakes"], asked)]
    told = interest.take(session, "segments", AT_ONCE)
    taken += [_Woken(one.contact_id, reads.of_event(one.name), "event") for one in told]
    by_reason = defaultdict(list)
    for one in taken:
        by_reason[one.reason].append(one)
    for reason, woken in by_reason.items():
        words = None if any(one.reads is None for one in woken) else {word for one in woken for word in one.reads or ()}
        segments = session.execute(select(Segment.id).where(reads.any_of(words))).scalars().all()
        if segments:
            members.refresh_some(session, {one.contact_id for one in woken}, segments, reason)
    return len(taken)


def refresh_due(open_unit: _Open, *, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Go through the segments that are due, each in a unit of its own; False if `stopping` ended it before the last.

    Against the order in which a few contacts take the locks of many segments: those wait for one of these at most.
    """
    oldest = select(Segment).where(_is_due).order_by(Segment.due_at, Segment.id.desc()).limit(1)
    while not stopping():
        with open_unit() as session:
            segment = session.execute(oldest).scalar_one_or_none()
            if segment is None:
                return True
            if segment.reads is None:  # of before there were such words
                _look_at(session, segment, encryption.opened(session, segment))
            members.refresh(session, segment, segment.due_reason or "recount")
    return False
