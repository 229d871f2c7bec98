"""The balances of every day: asked for, taken batch by batch from the core bank, kept as versions, and what is wrong noted."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Invalid, mark
from app.core.queue import Job
from app.core.sql import changed, load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.audit import trail
from app.domain.bank import accounts, openings
from app.domain.bank.amounts import Issue, Value, judge
from app.domain.bank.happenings import BalancesVerified
from app.domain.bank.models import Balance, BalanceCheck, BalanceDay, BalanceIssue, Programme, ProgrammeVersion
from app.domain.contacts import identifiers
from app.domain.outbox.publish import publish
from app.gateways.corebank.base import BalanceFeed, Broken, Page, Record, Unavailable

log = logging.getLogger(__name__)
TAKE_DAY = Job("bank", "jobs.bank.take_day", 1800)
BATCH = 1000
LEASE = timedelta(minutes=5)
TRIES = 8
CLOSE_OF_BUSINESS = time(22)
MOST_DAYS = 62
SOURCE = "core_bank"
_SQL = load("bank/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]
OpenFeed = Callable[[], BalanceFeed]


def ask(session: Session, first: date, last: date, *, by: Actor) -> BalanceCheck:
    """Ask for the balances of some days, again where they have been taken: what is known stays, corrections come in.

    Raises Invalid (the days are in the future, too many or too long ago), Forbidden.
    """
    require(by, "bank:write")
    if last < first:
        raise Invalid.field("to", mark("The last day is before the first."))
    if last > latest(session):
        raise Invalid.field("to", mark("Balances are there when the day is over."))
    if (last - first).days >= MOST_DAYS:
        raise Invalid.field("from", mark("At most two months at once."))
    if first < oldest(session):
        raise Invalid.field("from", mark("Balances are kept for 13 months."))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    _make_room(session, days)
    for day in days:
        _queue(session, day, by=by)
    after = {"from": first.isoformat(), "to": last.isoformat()}
    trail.record(session, by, "balances.asked", ("balances", by.organisation_id), after=after)
    check = BalanceCheck(
        organisation_id=by.organisation_id, first=first, last=last, created_by=by.id,
        created_at=clock.now(),
    )  # fmt: skip
    session.add(check)
    session.flush()
    return check


@dataclass(frozen=True)
class Progress:
    """How far a check is: days there are, and those that have been taken or given up; records so far."""

    state: str
    days: int
    done: int
    failed: int
    records: int


def progress(session: Session, check: BalanceCheck, *, by: Actor) -> Progress:
    """How far the days of a check are."""
    rows = listed(session, check.first, check.last, by=by)
    done, failed = sum(row.state == "taken" for row in rows), sum(row.state == "failed" for row in rows)
    over = "failed" if failed else "completed"
    state = over if done + failed == len(rows) else "running" if done or any(row.records for row in rows) else "queued"
    return Progress(state, len(rows), done, failed, sum(row.records for row in rows))


def unfinished(session: Session, *, by: Actor) -> tuple[BalanceCheck, Progress] | None:
    """The newest of what was asked for, and how far it is; None when it is over."""
    require(by, "bank:read")
    check = session.execute(select(BalanceCheck).order_by(BalanceCheck.id.desc()).limit(1)).scalar_one_or_none()
    found = progress(session, check, by=by) if check else None
    return (check, found) if check and found and found.state in ("queued", "running") else None


def latest(session: Session) -> date:
    """The last day whose bank has closed."""
    now = _local(session)
    return now.date() if now.time() >= CLOSE_OF_BUSINESS else now.date() - timedelta(days=1)


def _local(session: Session) -> datetime:
    return clock.now().astimezone(ZoneInfo(organisation_of(session).timezone))


def oldest(session: Session) -> date:
    """The first day balances are kept of."""
    today = _local(session).date()
    return date(today.year - 1 - (today.month == 1), (today.month - 2) % 12 + 1, 1)


def _make_room(session: Session, days: Iterable[date]) -> None:
    """Make the partitions of these days' months, where there are none."""
    for month in sorted({day.replace(day=1) for day in days}):
        session.execute(select(func.ensure_balances(month)))


def _queue(session: Session, day: date, *, by: Actor | None) -> None:
    organisation_id, now = actor_of(session).organisation_id, clock.now()
    fresh = {
        "state": "queued", "after": "", "records": 0, "kept": 0, "issues": 0, "tries": 0, "due_at": now, "lease_until": None,
        "failure": None, "asked_by": by.id if by else None, "asked_at": now, "taken_at": None,
    }  # fmt: skip
    row = insert(BalanceDay).values(organisation_id=organisation_id, day=day, **fresh)
    at_work = BalanceDay.state.in_(("queued", "running"))  # what is on its way goes on
    session.execute(row.on_conflict_do_update(index_elements=["organisation_id", "day"], set_=fresh, where=~at_work))
    enqueue_after_commit(session, TAKE_DAY, organisation_id)


def listed(session: Session, first: date, last: date, *, by: Actor) -> list[BalanceDay]:
    """How far the days are, in their order; days nobody asked for have no row."""
    require(by, "bank:read")
    query = select(BalanceDay).where(BalanceDay.day.between(first, last)).order_by(BalanceDay.day)
    return list(session.execute(query.execution_options(populate_existing=True)).scalars())


def of_contact(
    session: Session, contact_id: UUID, first: date, last: date, *, every_version: bool = False, by: Actor
) -> list[Balance]:
    """What a customer had on some days, the newest version of each day first."""
    require(by, "bank:read")
    query = select(Balance).where(Balance.contact_id == contact_id, Balance.day.between(first, last))
    if not every_version:
        query = query.where(Balance.is_current)
    return list(session.execute(query.order_by(Balance.day, Balance.account, Balance.version.desc())).scalars())


def whose(session: Session, external_id: str, *, by: Actor) -> UUID:
    """The contact with a customer number. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return identifiers.resolve(session, "external_id", external_id).id


def issues_of(session: Session, contact_id: UUID, first: date, last: date, *, by: Actor) -> list[BalanceIssue]:
    """What was wrong with a customer's records."""
    require(by, "bank:read")
    own = BalanceIssue.contact_id == contact_id, BalanceIssue.day.between(first, last)
    return list(
        session.execute(select(BalanceIssue).where(*own).order_by(BalanceIssue.day, BalanceIssue.kind)).scalars()
    )


def is_due(session: Session) -> bool:
    """True if a day waits to be taken."""
    return _next(session) is not None


def schedule(session: Session) -> None:
    """Ask for today's balances once the bank has closed, if any programme looks at them."""
    now = _local(session)
    if now.time() < CLOSE_OF_BUSINESS:
        return
    is_asked = exists().where(BalanceDay.day == now.date())
    wanted = select(Programme.id).where(Programme.archived_at.is_(None), ~is_asked)
    if session.execute(wanted.limit(1)).first():
        _queue(session, now.date(), by=None)


def take_all(open_unit: OpenUnit, open_feed: OpenFeed, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Take the days that are due, the oldest first, until none is or `stopping` says so.

    The batches of a day come one after another, because each names where the next begins; what is asked for at once are days,
    as many as the organisation set. While one waits for the core bank, another is kept.
    """
    with open_unit() as session:
        at_once = int(organisation_of(session).settings.get("days_at_once", 1))
    asyncio.run(_take_days(open_unit, open_feed, at_once, stopping))


async def _take_days(open_unit: OpenUnit, open_feed: OpenFeed, at_once: int, stopping: Callable[[], bool]) -> None:
    async def one_after_another() -> None:
        while not stopping():
            with open_unit() as session:
                day = _next(session)
            if day is None:
                return
            await _take(open_unit, open_feed, day, stopping)

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))


def _next(session: Session) -> date | None:
    free = BalanceDay.lease_until.is_(None) | (BalanceDay.lease_until < func.clock_timestamp())
    query = select(BalanceDay.day).where(
        BalanceDay.state.in_(("queued", "running")), BalanceDay.due_at <= clock.now(), free
    )
    return session.execute(query.order_by(BalanceDay.day).limit(1)).scalar_one_or_none()


async def _take(open_unit: OpenUnit, open_feed: OpenFeed, day: date, stopping: Callable[[], bool]) -> None:
    with open_unit() as session:
        claimed = session.execute(_SQL["claim_day"], {"day": day, "now": clock.now(), "lease": LEASE}).one_or_none()
    if claimed is None:
        return
    after: str | None = claimed.after
    seen = set[str]()
    try:
        async with open_feed() as feed:
            while after is not None and not stopping():
                seen.add(after)
                page = await feed.day(day.isoformat(), after, BATCH)
                if page.next in seen:
                    raise Broken("the same page again")
                with open_unit() as session:
                    if not _keep(session, day, after, page):
                        return  # somebody else has gone on with this day
                after = page.next
    except (Unavailable, Broken) as broke:
        with open_unit() as session:
            _put_off(session, day, claimed.tries, broke)
        return
    with open_unit() as session:
        _end(session, day, is_whole=after is None)


def _keep(session: Session, day: date, after: str, page: Page) -> bool:
    """Keep a batch and the place it leads to, in one transaction; False if the day does not stand where it began any more."""
    row = session.get_one(BalanceDay, (actor_of(session).organisation_id, day), with_for_update=True)
    if row.after != after or row.state != "running":
        return False
    kept, issues = keep(session, day, page.items, source=SOURCE)
    row.records += len(page.items)
    row.kept += kept
    row.issues += issues
    row.after = page.next or row.after
    row.tries = 0
    row.lease_until = func.clock_timestamp() + LEASE
    return True


def keep(session: Session, day: date, items: Sequence[Record], *, source: str) -> tuple[int, int]:
    """Keep what can be kept of some records that came for a day, and note what is wrong; how many of each."""
    values, issues = judge(items, day, oldest(session), _currencies(session))
    _make_room(session, {value.day for value in values})
    # Version by version: of two in one batch the newer is current.
    versions = sorted({value.record.version for value in values})
    more, days = [], set[date]()
    for version in versions:
        wrong, news = _store(session, [one for one in values if one.record.version == version], source)
        more += wrong
        days |= news
    refused = {issue.record for issue in more}
    days |= accounts.keep(session, [value for value in values if value.record not in refused])
    days |= openings.keep(session, values)
    if days:
        given = {"organisation": actor_of(session).organisation_id, "days": sorted(days), "now": clock.now()}
        changed(session, _SQL["mark"], given)
    _note(session, [*issues, *more])
    return len(values) - len(more), len(issues) + len(more)


def came_since(session: Session, first: date, after: date, moment: datetime | None) -> bool:
    """True if a value of these days, `after` not among them, came in after a moment."""
    span = {"organisation": actor_of(session).organisation_id, "first": first, "after": after, "moment": moment}
    return bool(session.execute(_SQL["changed_since"], span).scalar())


def note_file(session: Session, day: date, records: int, kept: int, issues: int) -> None:
    """A day has come as a file: it is taken, and whoever is not in it is missing."""
    _queue(session, day, by=None)
    row = session.get_one(
        BalanceDay, (actor_of(session).organisation_id, day), with_for_update=True, populate_existing=True
    )
    row.records, row.kept, row.issues = records, kept, issues
    _end(session, day, is_whole=True)


def check_day(session: Session, day: date) -> None:
    """Raise Invalid for a day that cannot have balances: its bank has not closed, or it is too long ago."""
    if day > latest(session):
        raise Invalid.field("day", mark("Balances are there when the day is over."))
    if day < oldest(session):
        raise Invalid.field("day", mark("Balances are kept for 13 months."))


def _currencies(session: Session) -> frozenset[str]:
    """The currencies programmes ask for; what else comes is an issue."""
    found = session.execute(select(ProgrammeVersion.currency).distinct()).scalars()
    return frozenset({*found, organisation_of(session).currency})


def _store(session: Session, values: Sequence[Value], source: str) -> tuple[list[Issue], set[date]]:
    """Keep values of one version; what is wrong with some, and the days that have other values now."""
    if values[0].record.version > 1:
        keys = {
            "customers": [value.record.external_id for value in values],
            "days": [value.day for value in values],
            "versions": [value.record.version for value in values],
            "accounts": [value.record.account for value in values],
        }
        changed(session, _SQL["demote"], keys)
    batch = [
        {
            "external_id": value.record.external_id, "account": value.record.account, "account_type": value.account_type,
            "day": value.day.isoformat(), "version": value.record.version,
            "amount": str(value.amount), "currency": value.record.currency, "record": value.record.record,
        }
        for value in values
    ]  # fmt: skip
    given = {"batch": json.dumps(batch), "organisation": actor_of(session).organisation_id}
    told = session.execute(_SQL["keep"], given | {"source": source, "now": clock.now()}).all()
    by_key = {(value.record.external_id, value.record.account, value.day): value for value in values}
    wrong = [
        Issue(row.kind, by_key[row.external_id, row.account, row.day].record, row.day)
        for row in told
        if row.kind != "kept"
    ]
    return wrong, {row.day for row in told if row.kind == "kept"}


def _note(session: Session, issues: Sequence[Issue]) -> None:
    if not issues:
        return
    vault = vault_of(session)

    def sealed(issue: Issue) -> bytes:
        said = f"{issue.record.amount} {issue.record.currency} {issue.record.date}"
        return vault.seal(said.encode(), f"bank|issue|{issue.day}|{issue.record.record}")

    session.execute(
        _SQL["note_issues"],
        {
            "organisation": actor_of(session).organisation_id,
            "now": clock.now(),
            "days": [issue.day for issue in issues],
            "kinds": [issue.kind for issue in issues],
            "records": [issue.record.record for issue in issues],
            "customers": [issue.record.external_id for issue in issues],
            "sealed": [sealed(issue) for issue in issues],
        },
    )


def _put_off(session: Session, day: date, tries: int, broke: Exception) -> None:
    """Try again later, ever longer; given up after TRIES in a row without a batch."""
    row = session.get_one(BalanceDay, (actor_of(session).organisation_id, day), with_for_update=True)
    row.lease_until, row.failure = None, f"{type(broke).__name__}: {broke}"[:300]
    if row.tries >= TRIES:
        row.state = "failed"
        log.error("the balances of a day could not be taken", extra={"day": day.isoformat()})
        return
    row.state, row.due_at = "queued", clock.now() + timedelta(seconds=min(30 * 2**tries, 3600))


def _end(session: Session, day: date, *, is_whole: bool) -> None:
    row = session.get_one(BalanceDay, (actor_of(session).organisation_id, day), with_for_update=True)
    row.lease_until, row.failure = None, None
    if not is_whole:
        row.state = "queued"
        return
    organisation_id, now = actor_of(session).organisation_id, clock.now()
    changed(session, _SQL["note_missing"], {"organisation": organisation_id, "day": day, "now": now})
    changed(session, _SQL["forget_missing"], {"days": [day - timedelta(days=n) for n in range(32)]})
    row.state, row.taken_at = "taken", now
    publish(session, BalancesVerified(subject=organisation_id, day=day, records=row.records, issues=row.issues))


def month_of(day: date) -> tuple[date, date]:
    """The first day of a month and the first of the next."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def is_over(month: date, zone: str, now: datetime) -> bool:
    """True once the month has ended in a zone."""
    return now.astimezone(ZoneInfo(zone)).date() >= month_of(month)[1]
