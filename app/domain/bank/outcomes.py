"""What became of the customers of a run: as it was calculated, and as it stands with the words people put against it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from app.core.actor import Actor
from app.core.db import live
from app.core.page import Ask, Page, fetch
from app.domain.bank import qualification, states
from app.domain.bank.models import OUTCOMES, Outcome, Override, QualificationRun
from app.domain.contacts.models import Contact

NEARLY = 1  # days at most by which a customer missed a month that is called near
SHOWN = ("overridden", "near", "gained", "dropped")

_standing = (
    (Override.run_id == Outcome.run_id) & (Override.contact_id == Outcome.contact_id) & Override.withdrawn_at.is_(None)
)
STANDS: ColumnElement[str] = func.coalesce(Override.outcome, Outcome.outcome)


def standing(run_id: UUID, *columns: Any) -> Select[Any]:
    """A select over the outcomes of a run, each beside the override that stands against it; STANDS is what counts."""
    return select(*columns).select_from(Outcome).outerjoin(Override, _standing).where(Outcome.run_id == run_id)


def qualified(run_id: UUID) -> Select[Any]:
    """The contact ids of those who qualified, as it stands: an audience."""
    return standing(run_id, Outcome.contact_id).where(STANDS == "qualified")


def decided(session: Session, programme_id: UUID, month: date) -> UUID | None:
    """The run that says who qualified in a month: the newest that a second person approved; none before there is one."""
    query = select(QualificationRun.id).where(
        QualificationRun.programme_id == programme_id,
        QualificationRun.month == month,
        QualificationRun.state.in_(states.DECIDED),
    )
    return session.execute(query.order_by(QualificationRun.version.desc()).limit(1)).scalar_one_or_none()


def totals(session: Session, run: QualificationRun) -> dict[str, int]:
    """How many customers there are and what became of them, as it stands, and how many of them a person overrode."""
    return totals_of(session, [run])[run.id]


def totals_of(session: Session, runs: Iterable[QualificationRun]) -> dict[UUID, dict[str, int]]:
    """The totals of several runs, by their ids, in one statement."""
    names = ("customers", *OUTCOMES)
    found = {run.id: {name: int((run.totals or {}).get(name, 0)) for name in names} | {"overridden": 0} for run in runs}
    keys = Override.run_id, Override.before, Override.outcome
    moved = (
        select(*keys, func.count()).where(Override.run_id.in_(found), Override.withdrawn_at.is_(None)).group_by(*keys)
    )
    for run_id, before, after, count in session.execute(moved):
        one = found[run_id]
        one[before], one[after], one["overridden"] = one[before] - count, one[after] + count, one["overridden"] + count
    return found


@dataclass(frozen=True)
class Judged:
    """An outcome, the override that stands against it, and whose it is."""

    outcome: Outcome
    override: Override | None
    external_id: str

    @property
    def stands(self) -> str:
        """What counts."""
        return self.override.outcome if self.override else self.outcome.outcome


@dataclass(frozen=True)
class Wanted:
    """Which customers of a run: by outcome as it stands, by number, by one of SHOWN; empty is all.

    "near" missed by a day; "gained" and "dropped" are those who did not, or did, qualify in the month before.
    """

    outcome: str = ""
    external_id: str = ""
    which: str = ""


def listed(session: Session, run_id: UUID, ask: Ask, wanted: Wanted, *, by: Actor) -> Page[Judged]:
    """A page of a run's customers, in their order. Raises NotFound, Forbidden."""
    run = qualification.get(session, run_id, by=by)
    contact = live(Contact).c
    query = standing(run_id, Outcome)
    if wanted.outcome:
        query = query.where(STANDS.in_([wanted.outcome]))
    if wanted.external_id:
        named = select(contact.id).where(contact.external_id == wanted.external_id)
        query = query.where(Outcome.contact_id.in_(named))
    if wanted.which:
        query = query.where(_which(session, run, wanted.which))
    page = fetch(session, query, [Outcome.__table__.c.contact_id], ask)
    return Page(_judged(session, run_id, page.items), page.next, page.prev, page.total, page.per_page)


def one(session: Session, run_id: UUID, contact_id: UUID, *, by: Actor) -> Judged | None:
    """What became of one customer; None for one the run does not know."""
    qualification.get(session, run_id, by=by)
    found = session.get(Outcome, (run_id, contact_id))
    return _judged(session, run_id, [found])[0] if found else None


def some(session: Session, run_id: UUID, contact_ids: Sequence[UUID], *, by: Actor) -> dict[UUID, Judged]:
    """What became of some customers, by their ids; without those the run does not know."""
    qualification.get(session, run_id, by=by)
    query = select(Outcome).where(Outcome.run_id == run_id, Outcome.contact_id.in_(contact_ids))
    found = _judged(session, run_id, session.execute(query).scalars().all())
    return {judged.outcome.contact_id: judged for judged in found}


def _judged(session: Session, run_id: UUID, rows: Sequence[Outcome]) -> list[Judged]:
    contact, ids = live(Contact).c, [row.contact_id for row in rows]
    named = dict(session.execute(select(contact.id, contact.external_id).where(contact.id.in_(ids))).all())
    query = select(Override).where(
        Override.run_id == run_id, Override.contact_id.in_(ids), Override.withdrawn_at.is_(None)
    )
    said: Mapping[UUID, Override] = {row.contact_id: row for row in session.execute(query).scalars()}
    return [Judged(row, said.get(row.contact_id), named.get(row.contact_id) or "") for row in rows]


def _which(session: Session, run: QualificationRun, which: str) -> ColumnElement[bool]:
    if which == "overridden":
        return Override.id.is_not(None)
    if which == "near":
        missed = Outcome.days_required - Outcome.days_passed - func.cardinality(Outcome.missing)
        return (STANDS == "not_qualified") & missed.between(1, NEARLY)
    earlier, said = aliased(Outcome), aliased(Override)
    last = month_before(session, run)
    stood = (
        select(func.coalesce(said.outcome, earlier.outcome))
        .select_from(earlier)
        .outerjoin(
            said,
            (said.run_id == earlier.run_id) & (said.contact_id == earlier.contact_id) & said.withdrawn_at.is_(None),
        )
        .where(earlier.run_id == (last.id if last else None), earlier.contact_id == Outcome.contact_id)
        .scalar_subquery()
    )
    was, is_now = func.coalesce(stood, "") == "qualified", STANDS == "qualified"
    return (is_now & ~was) if which == "gained" else (~is_now & was)


def lately(session: Session, run: QualificationRun, months: int) -> list[QualificationRun]:
    """The run and the newest run of each month before it that has one, the newest first, so many in all."""
    query = (
        select(QualificationRun)
        .where(
            QualificationRun.programme_id == run.programme_id,
            QualificationRun.month < run.month,
            QualificationRun.calculated_at.is_not(None),
            QualificationRun.state != "superseded",
        )
        .ext(distinct_on(QualificationRun.month))
        .order_by(QualificationRun.month.desc(), QualificationRun.version.desc())
    )
    return [run, *session.execute(query.limit(months - 1)).scalars()]


def month_before(session: Session, run: QualificationRun) -> QualificationRun | None:
    """The newest run of the same programme for an earlier month."""
    return next(iter(lately(session, run, 2)[1:]), None)


@dataclass(frozen=True)
class Became:
    """How many customers went from one outcome to another; None is not in that run."""

    before: str | None
    after: str | None
    count: int


def compare(session: Session, run_id: UUID, other_id: UUID, *, by: Actor) -> list[Became]:
    """What became of the customers of another run in this one, those that changed, as calculated. Raises NotFound, Forbidden."""
    qualification.get(session, run_id, by=by)
    qualification.get(session, other_id, by=by)
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
