"""Who qualified in a month: one statement over the balances, three outcomes with their reasons, gates before they are believed."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import enqueue_after_commit
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.bank import programmes, states
from app.domain.bank.balances import is_over, month_of
from app.domain.bank.models import (
    OUTCOMES,
    Balance,
    BalanceDay,
    BalanceIssue,
    Outcome,
    ProgrammeVersion,
    QualificationRun,
)
from app.domain.calendar.windows import windows_of

SUBJECT = "run"
MISSING = mark("There is no such run.")
CALCULATE = Job("imports", "jobs.bank.calculate", 600)
COVERED = 98  # per cent of the customers must have a value on every day, else a person has to look
SAMPLE = 20  # customers of a run that are drawn to be checked by hand
BAD_FORMAT = 1  # per cent of the records that may be no numbers
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


def waiting(session: Session) -> list[UUID]:
    """Runs that were asked for and not made."""
    return list(session.execute(select(QualificationRun.id).where(QualificationRun.state == "queued")).scalars())


def calculate(session: Session, run_id: UUID) -> None:
    """Make a run that was asked for, once; the version before is superseded."""
    run = session.get(QualificationRun, run_id, with_for_update=True, populate_existing=True)
    if run is None or run.state != "queued":
        return
    version = session.get_one(ProgrammeVersion, run.programme_version_id)
    looked_at = _looked_at(session, run, version)
    session.execute(_SQL["qualify"], looked_at)
    counted = dict(
        session.execute(
            select(Outcome.outcome, func.count()).where(Outcome.run_id == run.id).group_by(Outcome.outcome)
        ).all()
    )
    run.totals = {"customers": sum(counted.values()), **{name: counted.get(name, 0) for name in OUTCOMES}}
    run.gates = [gate.as_json() for gate in _gates(session, run, looked_at)]
    span = {name: looked_at[name] for name in ("first", "after", "carry", "currency")}
    run.input_hash = session.execute(_SQL["input_hash"], span).scalar_one()
    session.execute(_SQL["draw_sample"], {"organisation": run.organisation_id, "run": run.id, "most": SAMPLE})
    _supersede(session, run)
    run.state, run.calculated_at = "calculated", clock.now()


def _supersede(session: Session, run: QualificationRun) -> None:
    """Whatever of this month is not released yet gives way, and no decision on it stands open."""
    older = QualificationRun.version < run.version, QualificationRun.state.in_(states.GIVES_WAY)
    same = QualificationRun.programme_id == run.programme_id, QualificationRun.month == run.month
    gone = update(QualificationRun).where(*same, *older).values(state="superseded").returning(QualificationRun.id)
    for run_id in session.execute(gone).scalars():
        decisions.void(session, (SUBJECT, run_id))


def _looked_at(session: Session, run: QualificationRun, version: ProgrammeVersion) -> dict[str, Any]:
    first, after = month_of(run.month)
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    exempt = exempt_days(session, first, version)
    counted = [day for day in days if day not in exempt]
    return {
        "organisation": run.organisation_id, "run": run.id, "first": first, "after": after, "exempt": exempt,
        "carry": version.carry_days, "currency": version.currency, "threshold": version.threshold, "rule": version.rule,
        "days": version.days or 0, "month": counted, "required": len(counted),
    }  # fmt: skip


def exempt_days(session: Session, month: date, version: ProgrammeVersion) -> list[date]:
    """The days of a month that are none: holidays, where the programme exempts them."""
    if version.calendar != "exempt":
        return []
    (first, after), windows = month_of(month), windows_of(session)
    days = (first + timedelta(days=n) for n in range((after - first).days))
    return [day for day in days if windows.is_holiday(day)]


@dataclass(frozen=True)
class Gate:
    """A check of the data a run stands on: what was found, what may be, and whether a person has to look."""

    code: str
    value: float
    limit: float
    is_passed: bool

    def as_json(self) -> dict[str, Any]:
        """As it is kept and shown."""
        return {
            "code": self.code,
            "value": self.value,
            "limit": self.limit,
            "verdict": "pass" if self.is_passed else "block",
        }


def _gates(session: Session, run: QualificationRun, looked_at: dict[str, Any]) -> list[Gate]:
    span = Balance.day >= looked_at["first"], Balance.day < looked_at["after"], Balance.is_current
    taken = select(func.count()).where(
        BalanceDay.day >= looked_at["first"], BalanceDay.day < looked_at["after"], BalanceDay.state == "taken"
    )
    days, wanted = session.execute(taken).scalar_one(), (looked_at["after"] - looked_at["first"]).days
    records = session.execute(select(func.count()).where(*span)).scalar_one()
    known = session.execute(select(func.count(func.distinct(Balance.contact_id))).where(*span)).scalar_one()
    covered = round(100 * records / (known * wanted), 2) if known else 0.0
    issues = dict(
        session.execute(
            select(BalanceIssue.kind, func.count())
            .where(BalanceIssue.day >= looked_at["first"], BalanceIssue.day < looked_at["after"])
            .group_by(BalanceIssue.kind)
        ).all()
    )
    bad = round(100 * issues.get("bad_format", 0) / records, 3) if records else 0.0
    return [
        Gate("days_complete", days, wanted, days == wanted),
        Gate("coverage", covered, COVERED, covered >= COVERED),
        Gate("bad_format", bad, BAD_FORMAT, bad <= BAD_FORMAT),
        Gate("conflicts", issues.get("conflict", 0), 0, not issues.get("conflict")),
    ]


def get(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """One run. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return rows.one(session, QualificationRun, run_id, MISSING)


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
