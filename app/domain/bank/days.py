"""One customer's month, day by day, as a run judged it: what each day was, what became of the month, and why in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.db import live
from app.core.errors import NotFound, Phrase, mark
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.models import Balance, BalanceIssue, Outcome, ProgrammeVersion, QualificationRun
from app.domain.bank.qualification import looks_at
from app.domain.contacts.models import Contact

VERDICTS = ("held", "below", "missing", "exempt")


@dataclass(frozen=True)
class Day:
    """A day of a customer's month. `amount` is what counted; it may be that of an earlier day, `carried_from`.

    `versions` is all that was told of the day, the newest first; those that came after the run are in it, too.
    """

    day: date
    verdict: str
    amount: Decimal | None
    carried_from: date | None
    versions: Sequence[Balance]
    issues: Sequence[str]

    @property
    def is_corrected(self) -> bool:
        """True if the day was told more than once, and not the same."""
        return len(self.versions) > 1


@dataclass(frozen=True)
class CustomerMonth:
    """A customer in a run."""

    external_id: str
    run: QualificationRun
    version: ProgrammeVersion
    outcome: Outcome
    why: Phrase
    days: Sequence[Day]


def of_customer(session: Session, run_id: UUID, contact_id: UUID, *, by: Actor) -> CustomerMonth:
    """A customer's month as a run judged it, by the version of the programme and the balances it had.

    Raises NotFound, Forbidden.
    """
    run = qualification.get(session, run_id, by=by)
    outcome = session.get(Outcome, (run.id, contact_id))
    if outcome is None:
        raise NotFound(mark("This customer is not in the run."))
    version = programmes.version_of(session, run, by=by)
    asked = looks_at(session, run.month, version)
    first, last = asked["first"], asked["after"] - timedelta(days=1)
    early = first - timedelta(days=version.carry_days)
    told = balances.of_contact(session, contact_id, early, last, every_version=True, by=by)
    by_day = {day: list(rows) for day, rows in groupby(told, lambda row: row.day)}
    issues = balances.issues_of(session, contact_id, first, last, by=by)
    values = _values(by_day, run, version.currency)
    month = [first + timedelta(days=n) for n in range((asked["after"] - first).days)]
    before = [day for day in month if outcome.opened_on and day < outcome.opened_on and day not in values]
    none = {*asked["exempt"], *before}
    days = [_day(day, day in none, values, version, by_day.get(day, []), issues) for day in month]
    contact = live(Contact).c
    number = session.execute(select(contact.external_id).where(contact.id == contact_id)).scalar()
    return CustomerMonth(number or "", run, version, outcome, why(outcome, version), days)


def _values(told: dict[date, list[Balance]], run: QualificationRun, currency: str) -> dict[date, Decimal]:
    """What counted on each day: the newest version the run could know, if it is of the programme's currency."""
    values = {}
    for day, versions in told.items():
        known = [one for one in versions if run.calculated_at is None or one.taken_at <= run.calculated_at]
        if known and known[0].currency == currency:
            values[day] = known[0].amount
    return values


def _day(
    day: date,
    is_exempt: bool,
    values: dict[date, Decimal],
    version: ProgrammeVersion,
    versions: Sequence[Balance],
    issues: Sequence[BalanceIssue],
) -> Day:
    wrong = [issue.kind for issue in issues if issue.day == day]
    before = [day - timedelta(days=n) for n in range(version.carry_days + 1)]
    source = next((one for one in before if one in values), None)
    if is_exempt or source is None:
        return Day(day, "exempt" if is_exempt else "missing", None, None, versions, wrong)
    amount = values[source]
    verdict = "held" if amount >= version.threshold else "below"
    return Day(day, verdict, amount, source if source != day else None, versions, wrong)


def why(outcome: Outcome, version: ProgrammeVersion) -> Phrase:
    """Why a month has this outcome, in a sentence; its values are spelt by whoever says it."""
    facts: dict[str, object] = {
        "threshold": version.threshold, "passed": outcome.days_passed, "required": outcome.days_required,
        "missing": len(outcome.missing), "needed": version.days, "average": outcome.average,
        "day": outcome.first_below, "amount": outcome.below_amount,
    }  # fmt: skip
    if outcome.first_below and outcome.below_amount is not None:
        facts["short"] = version.threshold - outcome.below_amount
    if outcome.opened_on and version.opening == "never":
        return Phrase(_OPENED, {"day": outcome.opened_on})
    return Phrase(SENTENCES[version.rule, outcome.outcome], facts)


_OPEN = mark("Days without a value: %(missing)s of %(required)s. Nothing known decides the month; a person has to.")
_COUNTED = mark(
    "On %(passed)s of %(required)s days the balance was at %(threshold)s or above; %(needed)s are asked for."
)
_OPENED = mark("The customer came to the bank on %(day)s; the month of the opening does not count.")
_AVERAGE = mark("The average of the month was %(average)s; %(threshold)s is asked for.")
SENTENCES = {
    ("every", "qualified"): mark("On every one of %(required)s days the balance was at %(threshold)s or above."),
    ("every", "not_qualified"): mark("On %(day)s the balance was %(amount)s, %(short)s below the threshold."),
    ("every", "indeterminate"): _OPEN,
    ("at_least", "qualified"): _COUNTED,
    ("at_least", "not_qualified"): _COUNTED,
    ("at_least", "indeterminate"): _OPEN,
    ("average", "qualified"): _AVERAGE,
    ("average", "not_qualified"): _AVERAGE,
    ("average", "indeterminate"): _OPEN,
}


def beside(session: Session, month: CustomerMonth, *, outcome: str = "", by: Actor) -> tuple[UUID | None, UUID | None]:
    """The customers before and after this one in the list of a run, or in that of one outcome."""
    qualification.get(session, month.run.id, by=by)
    own, mine = Outcome.contact_id, month.outcome.contact_id
    query = select(own).where(Outcome.run_id == month.run.id, *([Outcome.outcome == outcome] if outcome else []))
    earlier = session.execute(query.where(own < mine).order_by(own.desc()).limit(1)).scalar_one_or_none()
    later = session.execute(query.where(own > mine).order_by(own).limit(1)).scalar_one_or_none()
    return earlier, later
