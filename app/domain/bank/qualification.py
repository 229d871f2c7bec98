"""Who qualified in a month: one statement over the balances, three outcomes with their reasons, gates before they are believed."""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session, aliased

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Conflict, Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import enqueue_after_commit, savepoint
from app.domain.access.keyring import organisation_of
from app.domain.audit import trail
from app.domain.bank import gates, programmes
from app.domain.bank.balances import is_over, month_of
from app.domain.bank.models import (
    OUTCOMES,
    BalanceDay,
    Outcome,
    ProgrammeVersion,
    QualificationRun,
)
from app.domain.calendar.windows import windows_of
from app.domain.contacts.models import Contact

log = logging.getLogger(__name__)
SUBJECT = "run"
CALCULATE = Job("bank", "jobs.bank.calculate", 600)
BROKE = mark("A value of this month cannot be calculated with. Look at its balances, then calculate it again.")
_SQL = load("bank/queries.sql")


def start(session: Session, programme_id: UUID, month: date, *, by: Actor) -> QualificationRun:
    """Ask for a calculation of a month; made again it is another version.

    Raises NotFound, Invalid (the month is not over), Conflict (one is on its way, or days are being taken), Forbidden.
    """
    require(by, "bank:write")
    programme = programmes.one_for_update(session, programme_id)
    first, after = month_of(month)
    if not is_over(first, organisation_of(session).timezone, clock.now()):
        raise Invalid.field("month", mark("The month is not over yet."))
    at_work = BalanceDay.day.between(first, after - timedelta(days=1)), BalanceDay.state.in_(("queued", "running"))
    if session.execute(select(BalanceDay.day).where(*at_work).limit(1)).first():
        raise Conflict(mark("Balances of this month are being taken. Wait until they are there."))
    same = QualificationRun.programme_id == programme.id, QualificationRun.month == first
    newest = session.execute(select(func.max(QualificationRun.version)).where(*same)).scalar()
    if session.execute(select(QualificationRun.id).where(*same, QualificationRun.state == "queued")).first():
        raise Conflict(mark("This month is being calculated already."))
    run = QualificationRun(
        organisation_id=by.organisation_id,
        programme_id=programme.id,
        programme_version_id=programmes.current(session, programme).id,
        month=first,
        version=(newest or 0) + 1,
        created_by=by.id if by.kind == "user" else None,
        created_at=clock.now(),
    )
    session.add(run)
    session.flush()
    trail.record(session, by, "run.asked", (SUBJECT, run.id), after={"name": programme.name, "month": f"{first:%Y-%m}"})
    enqueue_after_commit(session, CALCULATE, by.organisation_id, run.id)
    return run


def waiting(session: Session) -> list[UUID]:
    """Runs that were asked for and not made."""
    return list(session.execute(select(QualificationRun.id).where(QualificationRun.state == "queued")).scalars())


def calculate(session: Session, run_id: UUID) -> None:
    """Make a run that was asked for, once; the version before is superseded.

    What breaks on the data would break again: the run has failed then, and another may be asked for. Trouble of the database
    goes on to the caller, and the run waits for the next try.
    """
    run = session.get(QualificationRun, run_id, with_for_update=True, populate_existing=True)
    if run is None or run.state != "queued":
        return
    try:
        with savepoint(session):
            _calculate(session, run)
    except (DataError, IntegrityError, ArithmeticError, LookupError, ValueError):
        log.exception("a month could not be calculated", extra={"run": str(run_id)})
        session.refresh(run)
        run.state, run.failure = "failed", BROKE


def _calculate(session: Session, run: QualificationRun) -> None:
    version = session.get_one(ProgrammeVersion, run.programme_version_id)
    looked_at = looks_at(session, run.month, version)
    session.execute(_SQL["qualify"], looked_at | {"organisation": run.organisation_id, "run": run.id})
    counted = dict(
        session.execute(
            select(Outcome.outcome, func.count()).where(Outcome.run_id == run.id).group_by(Outcome.outcome)
        ).all()
    )
    run.totals = {"customers": sum(counted.values()), **{name: counted.get(name, 0) for name in OUTCOMES}}
    run.gates = [gate.as_json() for gate in gates.of_run(session, run, version, looked_at)]
    span = {name: looked_at[name] for name in ("first", "after", "carry", "currency")}
    run.input_hash = session.execute(_SQL["input_hash"], span).scalar_one()
    older = QualificationRun.version < run.version, QualificationRun.state == "calculated"
    same = QualificationRun.programme_id == run.programme_id, QualificationRun.month == run.month
    session.execute(update(QualificationRun).where(*same, *older).values(state="superseded"))
    run.state, run.calculated_at = "calculated", clock.now()


class Asks(Protocol):
    """What a month is judged by: a version of a programme, or what somebody would like to know."""

    threshold: Any
    currency: str
    rule: Any
    days: int | None
    calendar: Any
    carry_days: int


def looks_at(session: Session, month: date, asks: Asks, after: date | None = None) -> dict[str, Any]:
    """The values of the statement `judged`: the days of a month, or those before `after`, and what each has to hold."""
    first, end = month_of(month)
    end = after or end
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    windows = windows_of(session)
    exempt = [day for day in days if asks.calendar == "exempt" and windows.is_holiday(day)]
    counted = [day for day in days if day not in exempt]
    return {
        "first": first, "after": end, "exempt": exempt, "carry": asks.carry_days, "currency": asks.currency,
        "threshold": asks.threshold, "rule": asks.rule, "days": asks.days or 0, "month": counted, "required": len(counted),
    }  # fmt: skip


def get(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """One run. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return rows.one(session, QualificationRun, run_id, mark("There is no such run."))


def listed(session: Session, ask: Ask, *, by: Actor, programme_id: UUID | None = None) -> Page[QualificationRun]:
    """A page of runs, the newest first."""
    require(by, "bank:read")
    query = select(QualificationRun)
    if programme_id:
        query = query.where(QualificationRun.programme_id == programme_id)
    return fetch(session, query, [QualificationRun.__table__.c.id], ask, descending=True)


def before(session: Session, run: QualificationRun, *, by: Actor) -> QualificationRun | None:
    """The version of a run that this one took the place of."""
    require(by, "bank:read")
    same = QualificationRun.programme_id == run.programme_id, QualificationRun.month == run.month
    older = QualificationRun.version < run.version, QualificationRun.calculated_at.is_not(None)
    query = select(QualificationRun).where(*same, *older).order_by(QualificationRun.version.desc())
    return session.execute(query.limit(1)).scalar_one_or_none()


@dataclass(frozen=True)
class Judged:
    """An outcome and whose it is."""

    outcome: Outcome
    external_id: str


def outcomes(
    session: Session, run_id: UUID, ask: Ask, *, by: Actor, outcome: str = "", external_id: str = ""
) -> Page[Judged]:
    """A page of a run's outcomes, in the order of the customers."""
    get(session, run_id, by=by)
    contact = live(Contact).c
    query = select(Outcome).where(Outcome.run_id == run_id)
    if outcome:
        query = query.where(Outcome.outcome == outcome)
    if external_id:
        query = query.where(Outcome.contact_id.in_(select(contact.id).where(contact.external_id == external_id)))
    page = fetch(session, query, [Outcome.__table__.c.contact_id], ask)
    ids = [one.contact_id for one in page.items]
    named = dict(session.execute(select(contact.id, contact.external_id).where(contact.id.in_(ids))).all())
    items = [Judged(one, named.get(one.contact_id) or "") for one in page.items]
    return Page(items, page.next, page.prev, page.total, page.per_page)


@dataclass(frozen=True)
class Became:
    """How many customers went from one outcome to another; None is not in that run."""

    before: str | None
    after: str | None
    count: int


def compare(session: Session, run_id: UUID, other_id: UUID, *, by: Actor) -> list[Became]:
    """What became of the customers of another run in this one, those that changed. Raises NotFound, Forbidden."""
    get(session, run_id, by=by)
    get(session, other_id, by=by)
    new, old = aliased(Outcome), aliased(Outcome)
    here = select(new).where(new.run_id == run_id).subquery()
    there = select(old).where(old.run_id == other_id).subquery()
    joined = here.join(there, here.c.contact_id == there.c.contact_id, full=True)
    query = (
        select(there.c.outcome, here.c.outcome, func.count())
        .select_from(joined)
        .where(there.c.outcome.is_distinct_from(here.c.outcome))
        .group_by(there.c.outcome, here.c.outcome)
        .order_by(func.count().desc())
    )
    return [Became(before, after, count) for before, after, count in session.execute(query).all()]
