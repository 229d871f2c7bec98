"""Gates: checks of the data a run stands on, and of what came out, before a person believes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.domain.bank.models import Balance, BalanceDay, BalanceIssue, ProgrammeVersion, QualificationRun
from app.domain.calendar.models import Calendar
from app.domain.consent import restrictions
from app.domain.consent.models import RestrictionFeed

COVERED = 98  # per cent of the days that must have a value, of customers who have any, else a person has to look
WORST_DAY = (99.5, 98)  # the same on the worst day: below the first a warning
BAD_FORMAT = (0.1, 1)  # per cent of the records that may be no numbers
MEAN_SHIFT = 20  # per cent that the mean balance may move from a month to the next
BAND = 5  # points that the share of the qualified may be away from the mean of the last runs
BAND_RUNS = 6
DRIFT = 10  # per cent that the number of customers may move
HOUR = timedelta(hours=1)
LEAST = frozenset({"days_complete", "coverage", "worst_day", "calendar_decided", "phones"})  # their limit is a least
PHONES = 97  # per cent of the customers that should have a number that takes SMS
_SQL = load("bank/queries.sql")


@dataclass(frozen=True)
class Gate:
    """What was found, what may be, and the verdict: pass, warn (worth a look), block (a person has to look)."""

    code: str
    value: float
    limit: float
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """As it is kept and shown."""
        return {"code": self.code, "value": self.value, "limit": self.limit, "verdict": self.verdict}


def bound(code: str) -> str:
    """Whether the limit of a gate is the least that is enough, or the most that may be."""
    return "least" if code in LEAST else "most"


def of_run(session: Session, run: QualificationRun, version: ProgrammeVersion, looked_at: dict[str, Any]) -> list[Gate]:
    """The gates of a run whose outcomes and totals are there; what it was judged by stands in `looked_at`.

    A gate that compares with a month nobody has seen does not appear.
    """
    return [
        *_of_feed(session, run, looked_at),
        *_of_calendar(session, run, version),
        *_of_restrictions(session),
        *_of_amounts(session, looked_at),
        *_of_history(session, run),
        *_of_phones(session, run),
    ]


def _at_most(code: str, value: float, warn: float, block: float | None = None) -> Gate:
    if block is not None and value > block:
        return Gate(code, value, block, "block")
    return Gate(code, value, warn, "warn" if value > warn else "pass")


def _of_feed(session: Session, run: QualificationRun, looked_at: dict[str, Any]) -> Iterator[Gate]:
    first, after = looked_at["first"], looked_at["after"]
    taken = select(func.count()).where(BalanceDay.day >= first, BalanceDay.day < after, BalanceDay.state == "taken")
    days, wanted = session.execute(taken).scalar_one(), (after - first).days
    yield Gate("days_complete", days, wanted, "pass" if days == wanted else "block")

    cover = session.execute(_SQL["coverage"], {"run": run.id}).one()
    covered = _share(cover.known * looked_at["required"] - cover.missing, cover.known * looked_at["required"])
    yield Gate("coverage", covered, COVERED, "pass" if covered >= COVERED else "block")
    worst, (good, enough) = _share(cover.known - cover.worst, cover.known), WORST_DAY
    yield Gate("worst_day", worst, enough if worst < enough else good, _at_least(worst, good, enough))

    issues = dict(
        session.execute(
            select(BalanceIssue.kind, func.count())
            .where(BalanceIssue.day >= first, BalanceIssue.day < after)
            .group_by(BalanceIssue.kind)
        ).all()
    )
    bad = issues.get("bad_format", 0)
    records = session.execute(
        select(func.sum(BalanceDay.records)).where(BalanceDay.day >= first, BalanceDay.day < after)
    )
    yield _at_most("bad_format", _share(bad, records.scalar() or bad, 3), *BAD_FORMAT)
    conflicts = issues.get("conflict", 0)
    yield Gate("conflicts", conflicts, 0, "block" if conflicts else "pass")


def _at_least(value: float, warn: float, block: float) -> str:
    return "block" if value < block else "warn" if value < warn else "pass"


def _of_calendar(session: Session, run: QualificationRun, version: ProgrammeVersion) -> Iterator[Gate]:
    """Two people decide on the calendar; a year's is decided when it was looked at in that year, or has days of it."""
    if version.calendar != "exempt":
        return
    kept, year = session.execute(select(Calendar)).scalar_one_or_none(), run.month.year
    years = {kept.updated_at.year, *(date.fromisoformat(one["day"]).year for one in kept.days)} if kept else set[int]()
    yield Gate("calendar_decided", int(year in years), 1, "pass" if year in years else "block")


def _of_restrictions(session: Session) -> Iterator[Gate]:
    """How old the last whole feed of restrictions is; a bank that has never asked for one is bound by none."""
    feed = session.execute(select(RestrictionFeed)).scalar_one_or_none()
    if feed is None:
        return
    age, limit = ((clock.now() - (feed.fed_at or feed.asked_at)) / HOUR, restrictions.FRESH / HOUR)
    is_missing = age > limit or feed.state == "refused"
    verdict = "block" if is_missing else "warn" if feed.failure else "pass"
    yield Gate("restrictions_fresh", round(age, 1), limit, verdict)


def _of_amounts(session: Session, looked_at: dict[str, Any]) -> Iterator[Gate]:
    """The mean of what customers had on a day against the month before: an exchanged column, or a factor, moves all of it."""
    first, counted = looked_at["first"], looked_at["accounts"]
    spans = ((first - timedelta(days=1)).replace(day=1), first), (first, looked_at["after"])
    held = (
        select(func.sum(Balance.amount).label("amount"))
        .where(Balance.is_current, Balance.currency == looked_at["currency"])
        .where(*([Balance.account_type.in_(counted)] if counted else ()))
        .group_by(Balance.contact_id, Balance.day)
    )
    means = [
        session.execute(
            select(func.avg(held.where(Balance.day >= begins, Balance.day < ends).subquery().c.amount))
        ).scalar()
        for begins, ends in spans
    ]
    if means[0] and means[1] is not None:
        yield _at_most("mean_shift", round(100 * abs(float(means[1] / means[0]) - 1), 2), MEAN_SHIFT)


def _of_history(session: Session, run: QualificationRun) -> Iterator[Gate]:
    """The outcome against the months before it, each by its newest run."""
    same = QualificationRun.programme_id == run.programme_id, QualificationRun.month < run.month
    runs = (
        select(QualificationRun)
        .where(*same, QualificationRun.totals.is_not(None))
        .ext(distinct_on(QualificationRun.month))
        .order_by(QualificationRun.month.desc(), QualificationRun.version.desc())
    )
    before = [one.totals or {} for one in session.execute(runs.limit(BAND_RUNS)).scalars()]
    assert run.totals is not None
    if before:
        mean = sum(_share(one["qualified"], one["customers"]) for one in before) / len(before)
        share = _share(run.totals["qualified"], run.totals["customers"])
        yield _at_most("qualified_band", round(abs(share - mean), 2), BAND)
    if before and before[0]["customers"]:
        drift = 100 * abs(run.totals["customers"] / before[0]["customers"] - 1)
        yield _at_most("population_drift", round(drift, 2), DRIFT)


def _of_phones(session: Session, run: QualificationRun) -> Iterator[Gate]:
    found = session.execute(_SQL["phones"], {"run": run.id}).one()
    valid = _share(found.valid, found.customers)
    yield Gate("phones", valid, PHONES, "pass" if valid >= PHONES else "warn")


def _share(part: float, whole: float, digits: int = 2) -> float:
    """Per cent."""
    return round(100 * float(part) / float(whole), digits) if whole else 0.0
