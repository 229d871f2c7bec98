"""The feed of restrictions: the whole of what the core bank says, taken every morning, batch by batch.

A flag holds as soon as its batch is kept. What a feed does not speak of any more is lifted when it is whole, and not if that were
most of all there is: then a person looks first. A feed that broke off goes on where it stood.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.queue import Job
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.access.keyring import organisation_of
from app.domain.audit import trail
from app.domain.consent import restrictions
from app.domain.consent.models import ContactRestriction, RestrictionFeed
from app.domain.consent.restrictions import BLOCKS, Restriction
from app.gateways.corebank.base import Broken, CoreBank, RestrictionPage, RestrictionRecord, Unavailable

log = logging.getLogger(__name__)
TAKE = Job("imports", "jobs.bank.take_restrictions", 1800)
BATCH = 1000
LEASE = timedelta(minutes=5)
MORNING = time(5)
MOST_LIFTED, FEW = 0.5, 100  # a feed that lifts more than half of more than so many is looked at by a person

OpenUnit = Callable[[], AbstractContextManager[Session]]
OpenBank = Callable[[], CoreBank]


def state(session: Session, *, by: Actor) -> RestrictionFeed | None:
    """How far the feed is; None where there has never been one."""
    require(by, "bank:read")
    return session.get(RestrictionFeed, by.organisation_id, populate_existing=True)


def counted(session: Session, *, by: Actor) -> dict[str, int]:
    """How many people have each flag."""
    require(by, "bank:read")
    query = select(ContactRestriction.flag, func.count()).group_by(ContactRestriction.flag)
    found = dict(session.execute(query).all())
    return {flag: found.get(flag, 0) for flag in BLOCKS}


def ask(session: Session, *, accepts_fewer: bool = False, by: Actor) -> RestrictionFeed:
    """Ask for the restrictions now; from then on every morning. `accepts_fewer` lets it lift most of what there is.

    Raises Forbidden.
    """
    require(by, "bank:write")
    _queue(session, by=by, accepts_fewer=accepts_fewer)
    after = {"accepts_fewer": accepts_fewer} if accepts_fewer else None
    trail.record(session, by, "restrictions.asked", ("restrictions", by.organisation_id), after=after)
    return session.get_one(RestrictionFeed, by.organisation_id, populate_existing=True)


def _queue(session: Session, *, by: Actor | None, accepts_fewer: bool = False) -> None:
    """Begin a feed; one that is on its way goes on."""
    organisation_id, now = actor_of(session).organisation_id, clock.now()
    fresh = {
        "state": "queued", "after": "", "records": 0, "unknown": 0, "accepts_fewer": accepts_fewer, "tries": 0, "due_at": now,
        "lease_until": None, "failure": None, "asked_by": by.id if by and by.kind == "user" else None, "asked_at": now,
    }  # fmt: skip
    at_work = RestrictionFeed.state.in_(("queued", "running")) & RestrictionFeed.failure.is_(None)
    row = insert(RestrictionFeed).values(organisation_id=organisation_id, **fresh)
    session.execute(row.on_conflict_do_update(index_elements=["organisation_id"], set_=fresh, where=~at_work))
    enqueue_after_commit(session, TAKE, organisation_id)


def schedule(session: Session) -> None:
    """Ask every morning, once somebody has asked for the first time."""
    row = session.get(RestrictionFeed, actor_of(session).organisation_id)
    if row is None:
        return
    zone = ZoneInfo(organisation_of(session).timezone)
    now = clock.now().astimezone(zone)
    if now.time() >= MORNING and row.asked_at.astimezone(zone) < datetime.combine(now.date(), MORNING, zone):
        _queue(session, by=None)


def is_due(session: Session) -> bool:
    """True if a feed waits to be taken."""
    free = or_(RestrictionFeed.lease_until.is_(None), RestrictionFeed.lease_until < func.clock_timestamp())
    waits = RestrictionFeed.state.in_(("queued", "running")), RestrictionFeed.due_at <= clock.now(), free
    return session.execute(select(RestrictionFeed.organisation_id).where(*waits)).first() is not None


def take(open_unit: OpenUnit, open_bank: OpenBank, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Take the feed that is due, if any."""
    with open_unit() as session:
        if not is_due(session):
            return
        row = _locked(session)
        if not is_due(session):  # somebody else was quicker
            return
        row.state, row.lease_until = "running", _lease()
        asked_at, after = row.asked_at, row.after
    try:
        whole = asyncio.run(_take(open_unit, open_bank, asked_at, after, stopping))
    except (Unavailable, Broken) as broke:
        with open_unit() as session:
            _put_off(_locked(session), broke)
        return
    with open_unit() as session:
        row = _locked(session)
        if row.asked_at == asked_at:
            row.lease_until = None
            row.state = _end(session, row) if whole else "queued"


async def _take(
    open_unit: OpenUnit, open_bank: OpenBank, asked_at: datetime, after: str, stopping: Callable[[], bool]
) -> bool:
    """Keep batch after batch; True if that was all."""
    seen = set[str]()
    async with open_bank() as bank:
        while not stopping():
            seen.add(after)
            page = await bank.restrictions(after, BATCH)
            if page.next in seen:
                raise Broken("the same page again")
            told = list(_judged(page.items))
            with open_unit() as session:
                if not _keep(session, asked_at, after, page, told):
                    return False  # somebody else has gone on with it, or begun anew
            if page.next is None:
                return True
            after = page.next
    return False


def _keep(session: Session, asked_at: datetime, after: str, page: RestrictionPage, told: list[Restriction]) -> bool:
    row = _locked(session)
    if (row.asked_at, row.after, row.state) != (asked_at, after, "running"):
        return False
    row.unknown += restrictions.keep(session, told, asked_at)
    row.records += len(told)
    row.after = page.next or row.after
    row.tries, row.failure, row.lease_until = 0, None, _lease()
    return True


def _judged(items: Iterable[RestrictionRecord]) -> Iterable[Restriction]:
    """What was said, as we know it. A flag nobody knows could forbid anything: the whole feed is refused. Raises Broken."""
    for item in items:
        if item.flag not in BLOCKS:
            raise Broken(f"a flag that is not known: {item.flag[:40]}")
        yield Restriction(item.external_id, item.flag, _day(item.since))


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None  # since when is good to know; that he is restricted holds without it


def _end(session: Session, row: RestrictionFeed) -> str:
    had, lifted = restrictions.compare(session, row.asked_at)
    if lifted > max(FEW, had * MOST_LIFTED) and not row.accepts_fewer:
        row.failure = f"{lifted} of {had} flags would be lifted"
        log.error("a feed of restrictions would lift most of them", extra={"had": had, "lifted": lifted})
        return "refused"
    restrictions.lift(session, row.asked_at)
    row.fed_at, row.failure = row.asked_at, None
    return "taken"


def _put_off(row: RestrictionFeed, broke: Exception) -> None:
    """Try again ever later, an hour at most; it is never given up, because marketing waits for it."""
    row.state, row.lease_until, row.failure = "queued", None, f"{type(broke).__name__}: {broke}"[:300]
    row.due_at = clock.now() + timedelta(seconds=min(30 * 2 ** min(row.tries, 7), 3600))
    row.tries = min(row.tries + 1, 1000)


def _locked(session: Session) -> RestrictionFeed:
    return session.get_one(
        RestrictionFeed, actor_of(session).organisation_id, with_for_update=True, populate_existing=True
    )


def _lease() -> Any:
    return cast(Any, func.clock_timestamp() + LEASE)
