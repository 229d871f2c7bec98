"""One customer's month, day by day, as a run judged it: what each day was, what became of the month, and why in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
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

    `parts` is what it is the sum of, by account. `versions` is all that was told of the day, account by account, the newest first;
    those that came after the run are in it, too.
    """

    day: date
    verdict: str
    amount: Decimal | None
    carried_from: date | None
    parts: Mapping[str, Decimal]
    versions: Sequence[Balance]
    issues: Sequence[str]

    @property
    def is_corrected(self) -> bool:
        """True if an account was told of the day more than once, and not the same."""
        return len({one.account for one in self.versions}) < len(self.versions)


@dataclass(frozen=True)
class CustomerMonth:
    """A customer in a run."""

    external_id: str
    run: QualificationRun
    version: ProgrammeVersion
    outcome: Outcome
    why: Phrase
    days: Sequence[Day]

    @property
    def accounts(self) -> dict[str, str]:
        """The types of his accounts that count, where they are several, by their names."""
        found = {row.account: row.account_type for day in self.days for row in day.versions if row.account in day.parts}
        return found if len(found) > 1 else {}


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
    values = _values(by_day, run, version)
    month = [first + timedelta(days=n) for n in range((asked["after"] - first).days)]
    before = [day for day in month if outcome.opened_on and day < outcome.opened_on and day not in values]
    none = {*asked["exempt"], *before}
    looked = _Looked(version, outcome.accounts or [], values)
    days = [_day(day, day in none, looked, by_day.get(day, []), issues) for day in month]
    contact = live(Contact).c
    number = session.execute(select(contact.external_id).where(contact.id == contact_id)).scalar()
    return CustomerMonth(number or "", run, version, outcome, why(outcome, version), days)


def _values(
    told: dict[date, list[Balance]], run: QualificationRun, version: ProgrammeVersion
) -> dict[date, dict[str, Decimal | None]]:
    """What each account had on each day: the newest version the run could know; None where it was told and does not count."""
    values: dict[date, dict[str, Decimal | None]] = {}
    for day, versions in told.items():
        known = [one for one in versions if run.calculated_at is None or one.taken_at <= run.calculated_at]
        for one in reversed(known):  # the newest last
            is_of_type = not version.accounts or one.account_type in version.accounts
            if is_of_type and one.currency != version.currency:
                values.get(day, {}).pop(one.account, None)
            else:
                values.setdefault(day, {})[one.account] = one.amount if is_of_type else None
    return {day: had for day, had in values.items() if had}


@dataclass(frozen=True)
class _Looked:
    """What a run looked at for a customer: by which version, which of his accounts where they are several, and what they had."""

    version: ProgrammeVersion
    accounts: Sequence[Mapping[str, Any]]
    values: Mapping[date, Mapping[str, Decimal | None]]

    def lasting(self, day: date) -> set[str]:
        """His accounts that count and were there on a day."""
        said = day.isoformat()
        return {
            one["account"]
            for one in self.accounts
            if one["counts"] and (one["begins"] or "") <= said <= (one["ends"] or "9999-12-31")
        }

    def parts(self, day: date) -> dict[str, tuple[Decimal, date]] | None:
        """What his accounts had on a day and of which day that is; None where one of them has nothing."""
        found: dict[str, tuple[Decimal, date]] = {}
        for source in [day - timedelta(days=n) for n in range(self.version.carry_days, -1, -1)]:
            had = self.values.get(source, {})
            counted = {account: (amount, source) for account, amount in had.items() if amount is not None}
            is_whole = "" in counted  # what is told one way ends what is carried of the other
            found = {name: one for name, one in found.items() if not counted or (not name) is is_whole} | counted
        if self.accounts and "" not in found:
            named, lasting = {one["account"] for one in self.accounts}, self.lasting(day)
            otherwise = {account for account, amount in self.values.get(day, {}).items() if amount is None}
            if lasting - found.keys() - otherwise:
                return None
            found = {account: one for account, one in found.items() if account in lasting or account not in named}
        return found or None


def _day(
    day: date, is_exempt: bool, looked: _Looked, versions: Sequence[Balance], issues: Sequence[BalanceIssue]
) -> Day:
    wrong = [issue.kind for issue in issues if issue.day == day]
    parts = None if is_exempt else looked.parts(day)
    if parts is None:
        return Day(day, "exempt" if is_exempt else "missing", None, None, {}, versions, wrong)
    amount = sum((held for held, _source in parts.values()), Decimal(0))
    source = min(source for _held, source in parts.values())
    verdict = "held" if amount >= looked.version.threshold else "below"
    had = {account: held for account, (held, _source) in parts.items()}
    return Day(day, verdict, amount, source if source != day else None, had, versions, wrong)


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


def months_beside(
    session: Session, month: CustomerMonth, *, by: Actor
) -> tuple[QualificationRun | None, QualificationRun | None]:
    """The months before and after this one in which the programme judged this customer, each by its newest run."""
    run, own = qualification.get(session, month.run.id, by=by), QualificationRun
    query = (
        select(own)
        .join(Outcome, Outcome.run_id == own.id)
        .where(own.programme_id == run.programme_id, own.state != "superseded")
        .where(Outcome.contact_id == month.outcome.contact_id)
        .limit(1)
    )
    newest = own.version.desc()
    earlier = query.where(own.month < run.month).order_by(own.month.desc(), newest)
    later = query.where(own.month > run.month).order_by(own.month, newest)
    return session.execute(earlier).scalar_one_or_none(), session.execute(later).scalar_one_or_none()


def beside(session: Session, month: CustomerMonth, *, outcome: str = "", by: Actor) -> tuple[UUID | None, UUID | None]:
    """The customers before and after this one in the list of a run, or in that of one outcome."""
    qualification.get(session, month.run.id, by=by)
    own, mine = Outcome.contact_id, month.outcome.contact_id
    query = select(own).where(Outcome.run_id == month.run.id, *([Outcome.outcome == outcome] if outcome else []))
    earlier = session.execute(query.where(own < mine).order_by(own.desc()).limit(1)).scalar_one_or_none()
    later = session.execute(query.where(own > mine).order_by(own).limit(1)).scalar_one_or_none()
    return earlier, later
