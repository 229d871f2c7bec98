"""Who qualified in a month: one statement over the balances, three outcomes with their reasons, gates before they are believed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require, system
from app.core.errors import Conflict, Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import actor_of, enqueue_after_commit, savepoint
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.bank import gates, programmes, states
from app.domain.bank.balances import is_over, month_of
from app.domain.bank.happenings import QualificationCalculated
from app.domain.bank.models import (
    OUTCOMES,
    BalanceDay,
    BalanceFile,
    Outcome,
    Programme,
    ProgrammeVersion,
    QualificationRun,
)
from app.domain.calendar.windows import windows_of
from app.domain.outbox.publish import publish

log = logging.getLogger(__name__)
SUBJECT = "run"
MISSING = mark("There is no such run.")
CALCULATE = Job("bank", "jobs.bank.calculate", 600)
BROKE = mark("A value of this month cannot be calculated with. Look at its balances, then calculate it again.")
LATEST_START = 5  # the day of the month until which the one before is calculated by itself
INPUT_FORMAT = 2  # of the digest of what a run looks at (models.QualificationRun)
SAMPLE = 20  # customers of a run that are drawn to be checked by hand
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
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(run)
    session.flush()
    trail.record(session, by, "run.asked", (SUBJECT, run.id), after={"name": programme.name, "month": f"{first:%Y-%m}"})
    enqueue_after_commit(session, CALCULATE, by.organisation_id, run.id)
    return run


def schedule(session: Session) -> None:
    """Ask for the month that has just ended once all its days are there, for each programme that has no run of it yet."""
    today = clock.today(organisation_of(session).timezone)
    first, after = month_of(today.replace(day=1) - timedelta(days=1))
    if today.day > LATEST_START:
        return
    taken = select(func.count()).where(BalanceDay.day >= first, BalanceDay.day < after, BalanceDay.state == "taken")
    if session.execute(taken).scalar_one() < (after - first).days:
        return
    made = select(QualificationRun.programme_id).where(QualificationRun.month == first)
    query = select(Programme.id).where(Programme.archived_at.is_(None), Programme.id.not_in(made))
    for programme_id in session.execute(query).scalars().all():
        start(session, programme_id, first, by=system(actor_of(session).organisation_id))


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
    _wait_for_batches(session)
    run.calculated_at = clock.now()  # before anything is looked at: what comes in meanwhile came in since
    version = session.get_one(ProgrammeVersion, run.programme_version_id)
    looked_at = looks_at(session, run.month, version)
    with by_the_set(session):
        session.execute(_SQL["qualify"], looked_at | {"organisation": run.organisation_id, "run": run.id})
    counted = dict(
        session.execute(
            select(Outcome.outcome, func.count()).where(Outcome.run_id == run.id).group_by(Outcome.outcome)
        ).all()
    )
    run.totals = {"customers": sum(counted.values()), **{name: counted.get(name, 0) for name in OUTCOMES}}
    run.gates = [gate.as_json() for gate in gates.of_run(session, run, version, looked_at)]
    span = {name: looked_at[name] for name in ("first", "after", "carry", "currency", "accounts")}
    run.input_hash = session.execute(_SQL["input_hash"], span | {"run": run.id}).scalar_one()
    run.input_format = INPUT_FORMAT
    session.execute(_SQL["draw_sample"], {"organisation": run.organisation_id, "run": run.id, "most": SAMPLE})
    _supersede(session, run)
    run.state = "calculated"
    said = {**run.totals, "input_hash": run.input_hash}
    trail.record(session, system(run.organisation_id), "run.calculated", (SUBJECT, run.id), after=said)
    told = QualificationCalculated(subject=run.id, programme=run.programme_id, month=run.month, version=run.version)
    publish(session, told)


def _wait_for_batches(session: Session) -> None:
    """Let the balances that are being kept just now be kept, and those behind them wait: they have the moment of their writing."""
    # A file before its days, as whoever takes it does.
    session.execute(select(BalanceFile.id).where(BalanceFile.state == "queued").with_for_update(read=True))
    session.execute(select(BalanceDay.day).where(BalanceDay.state == "running").with_for_update(read=True))


def _supersede(session: Session, run: QualificationRun) -> None:
    """Whatever of this month is not released yet gives way, and no decision on it stands open."""
    older = QualificationRun.version < run.version, QualificationRun.state.in_(states.GIVES_WAY)
    same = QualificationRun.programme_id == run.programme_id, QualificationRun.month == run.month
    gone = update(QualificationRun).where(*same, *older).values(state="superseded").returning(QualificationRun.id)
    for run_id in session.execute(gone).scalars():
        decisions.void(session, (SUBJECT, run_id))


class Asks(Protocol):
    """What a month is judged by: a version of a programme, or what somebody would like to know."""

    threshold: Any
    currency: str
    rule: Any
    days: int | None
    calendar: Any
    carry_days: int
    opening: Any
    accounts: Any


@contextmanager
def by_the_set(session: Session) -> Iterator[None]:
    """Let `judged` join its sets as sets.

    Days and accounts that came after the last statistics are believed to be few, and a loop over few compares everybody with
    everybody: minutes instead of seconds.
    """
    session.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    session.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))


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
        "opening": asks.opening, "accounts": list(asks.accounts) or None,
    }  # fmt: skip


def exempt_days(session: Session, month: date, version: ProgrammeVersion) -> list[date]:
    """The days of a month that are none: holidays, where the programme exempts them."""
    exempt: list[date] = looks_at(session, month, version)["exempt"]
    return exempt


def get(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """One run. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return rows.one(session, QualificationRun, run_id, MISSING)


def moved(session: Session, run_id: UUID, verb: str, *, by: Actor) -> QualificationRun:
    """One run, locked, in the state that follows a verb of its life. Raises NotFound, Conflict, Forbidden."""
    require(by, states.NEEDS[verb])
    run = rows.one_for_update(session, QualificationRun, run_id, MISSING)
    run.state = states.after(run.state, verb)
    return run


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
