"""Facts of the bank: what a customer's balance was, and who qualified in a programme."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, Exists, RowMapping, false, func, not_, select, true

from app.core.clock import is_day
from app.core.errors import mark
from app.domain.access.keyring import organisation_of
from app.domain.bank import accounts, forecast, outcomes
from app.domain.bank.balances import month_of
from app.domain.bank.models import Outcome
from app.domain.segments import comparisons, values
from app.domain.segments.condition import Condition, Dependencies, Id, Unfit
from app.domain.segments.context import CompileContext, Predicate, contact
from app.domain.segments.fields import SET, Catalogue, Comparison
from app.domain.segments.fields import Field as Info
from app.domain.segments.saying import Names, Said, compared
from app.domain.segments.spans import whoever

OPS = ("gte", "gt", "eq", "neq", "lte", "lt", "between", *SET)
RELATIVE = ("current", "previous")
_NEGATED = {"neq": "eq", "is_not_set": "is_set"}
_DAYS = {
    "every": mark("the balance of every day of %(month)s"),
    "average": mark("the average balance of %(month)s"),
    "at_least": mark("the balance of at least %(number)s days of %(month)s"),
    "on": mark("the balance on %(day)s"),
}
MONTHS = {"current": mark("this month, as far as it goes,"), "previous": mark("last month")}
_BECAME = {
    "qualified": mark("the contact qualified in the programme “%(programme)s” for %(month)s"),
    "not_qualified": mark("the contact did not qualify in the programme “%(programme)s” for %(month)s"),
    "indeterminate": mark("it is open whether the contact qualified in the programme “%(programme)s” for %(month)s"),
}
STANDS = {
    "qualified": mark("Qualified"),
    "not_qualified": mark("Not qualified"),
    "indeterminate": mark("Indeterminate"),
}


def _is_month(value: str) -> str:
    if value not in RELATIVE and not (len(value) == 7 and is_day(f"{value}-01")):
        raise ValueError(mark("Write a month as 2026-10, or “current” or “previous”."))
    return value


class BankFact(Condition):
    """A fact of the bank; `fact` says which, and each is a class of its own."""

    kind: Literal["bank"] = "bank"
    fact: Literal["balance", "outcome"]
    month: Annotated[str, AfterValidator(_is_month)] = "current"

    has_value: ClassVar[bool] = True
    permission: ClassVar[str] = "bank:read"

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """The fact of a piece of JSON."""
        shape = FACTS.get(str(raw.get("fact")), cls)
        found: Self = shape.model_validate(dict(raw))  # type: ignore[assignment]
        return found

    @property
    def needs(self) -> Dependencies:
        """The bank, and the month where that goes by today."""
        return Dependencies(bank=True, relative=self.month in RELATIVE)

    def first_day(self, around: CompileContext) -> date:
        """The first day of the month, by the organisation's calendar."""
        if self.month not in RELATIVE:
            return date.fromisoformat(f"{self.month}-01")
        this, _ = month_of(around.today())
        return this if self.month == "current" else month_of(this - timedelta(days=1))[0]

    def month_words(self) -> Any:
        """The month as a part of a clause."""
        return Said(MONTHS[self.month]) if self.month in MONTHS else self.month


class BalanceIs(BankFact):
    """What a customer had on the days of a month, in all his accounts, compared with a value in the organisation's currency.

    `days` is every day, {"at_least": k} days, the average of all days, or {"on": a date}, which needs no month. Days are those of
    the calendar; of a month that runs, those up to the last one whose balances were taken. A day without a value proves nothing:
    it is not as asked, and without it there is no average. Not equal and not known are the opposites of equal and known.
    """

    fact: Literal["balance"]
    days: Any = "every"
    op: str = Field(default="gte", min_length=1, max_length=30)
    value: Any = None

    def checked(self, known: Catalogue) -> Self:
        """Itself with its value in its normal form. Raises Unfit."""
        _check_days(self.days)
        found = values.fitted(known, Info("balance", "", "number"), Comparison(self.op, self.value), OPS)
        return self.model_copy(update={"value": found.value})

    def compile(self, around: CompileContext) -> Predicate:
        """One pass over the balances of these days."""
        found = self._found(around)
        return not_(found) if self.op in _NEGATED else found

    def _found(self, around: CompileContext) -> Exists | ColumnElement[bool]:
        first, days = self._looked_at(around)
        if days == 0:
            return false()
        had = self._had(around, first, days)
        rows, whose = select(had.contact_id), had.contact_id
        if self._way == "average":
            return whoever(rows, whose, (func.count() == days) & self._fits(_average(had)))
        fitting = rows.where(self._fits(had.amount))
        if self._way == "on":
            return whoever(fitting, whose)
        wanted = self.days["at_least"] if self._way == "at_least" else days
        return whoever(fitting, whose, func.count() >= wanted)

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The amount or the average; of days, how many are as asked, and which is not: one proven so before one that is missing."""
        first, days = self._looked_at(around)
        had = self._had(around, first, days)
        own = select(had.amount).where(had.contact_id == row["id"])
        if self._way == "on":
            return around.session.execute(own).scalar_one_or_none()
        if self._way == "average":
            whole = own.with_only_columns(_average(had)).having(func.count() == days)
            return around.session.execute(whole).scalar_one_or_none()
        found = around.session.execute(
            own.with_only_columns(had.day, had.amount, self._fits(had.amount)).order_by(had.day)
        ).all()
        wrong = [(day, amount) for day, amount, fits in found if not fits]
        there = {day for day, _, _ in found}
        all_days = [first + timedelta(days=n) for n in range(days)]
        wrong += [(day, None) for day in all_days if day not in there]
        day, amount = next(iter(wrong), (None, None))
        return {"days": days, "fitting": sum(bool(fits) for _, _, fits in found), "day": day, "amount": amount}

    def shown(self, value: Any) -> Any:
        """The same in words: "balance on 14 Nov: 14,820; 29 of 30 days are as asked"."""
        if not isinstance(value, dict):
            return value
        if value["day"] is None:
            return Said(mark("%(fitting)s of %(days)s days are as asked"), value)
        if value["amount"] is None:
            return Said(mark("no balance on %(day)s; %(fitting)s of %(days)s days are as asked"), value)
        return Said(mark("balance on %(day)s: %(amount)s; %(fitting)s of %(days)s days are as asked"), value)

    def words(self, _names: Names) -> Said:
        """Which days, and what is asked of them."""
        said = {"month": self.month_words()}
        if isinstance(self.days, dict):
            said |= {"number": self.days.get("at_least"), "day": self.days.get("on")}
        return compared(Said(_DAYS[self._way], said), self.op, self.value)

    @property
    def needs(self) -> Dependencies:
        """The bank; a day that is named stays the same day."""
        return Dependencies(bank=True, relative=self._way != "on" and self.month in RELATIVE)

    @property
    def _way(self) -> str:
        return next(iter(self.days)) if isinstance(self.days, dict) else str(self.days)

    def _looked_at(self, around: CompileContext) -> tuple[date, int]:
        """The first day, and how many there are."""
        if self._way == "on":
            return date.fromisoformat(self.days["on"]), 1
        first, after = month_of(self.first_day(around))
        this, last = forecast.so_far(around.session)
        if first >= this:
            after = last + timedelta(days=1) if last and first == this else first
        return first, (after - first).days

    def _had(self, around: CompileContext, first: date, days: int) -> Any:
        return accounts.whole_days(first, days, organisation_of(around.session).currency).c

    def _fits(self, amount: ColumnElement[Any]) -> Predicate:
        return comparisons.number(amount, Comparison(_NEGATED.get(self.op, self.op), self.value))


def _average(had: Any) -> ColumnElement[Any]:
    """As a run has it: to the hundredth."""
    return func.round(func.avg(had.amount), 2)


def _check_days(days: Any) -> None:
    """Raises Unfit."""
    match days:
        case "every" | "average":
            return
        case {"at_least": number} if len(days) == 1:
            if type(number) is not int or not 1 <= number <= 31:
                raise Unfit("days.at_least", mark("This number is out of range."))
        case {"on": day} if len(days) == 1:
            if not is_day(day):
                raise Unfit("days.on", mark("This is not a date. Write it as 2026-12-31."))
        case _:
            raise Unfit("days", mark("Choose one of the values offered."))


class OutcomeIs(BankFact):
    """What became of a customer in a month of a programme, with the words of people against it, as it was approved.

    Before the month is approved there is no outcome, and only "is not" holds.
    """

    fact: Literal["outcome"]
    programme: Id
    op: Literal["eq", "neq"] = "eq"
    value: Literal["qualified", "not_qualified", "indeterminate"] = "qualified"

    def checked(self, known: Catalogue) -> Self:
        """Itself. Raises Unfit: there is no such programme."""
        if self.programme not in known.programmes:
            raise Unfit("programme", mark("There is no such programme."))
        return self

    def compile(self, around: CompileContext) -> Predicate:
        """Whether the run that decided the month has this outcome for the contact, as it stands."""
        run = outcomes.decided(around.session, self.programme, self.first_day(around))
        if run is None:
            return true() if self.op == "neq" else false()
        stands = outcomes.standing(run, Outcome.contact_id).where(
            outcomes.STANDS.in_([self.value]), Outcome.contact_id == contact.c.id
        )
        found = stands.correlate(contact).exists()
        return not_(found) if self.op == "neq" else found

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The outcome of the contact."""
        run = outcomes.decided(around.session, self.programme, self.first_day(around))
        if run is None:
            return None
        query = outcomes.standing(run, outcomes.STANDS).where(Outcome.contact_id == row["id"])
        return around.session.execute(query).scalar_one_or_none()

    def shown(self, value: Any) -> Any:
        """The same in words."""
        return Said(STANDS[value]) if value else None

    def words(self, names: Names) -> Said:
        """The programme, the month and the outcome."""
        programme = names.known.programmes.get(self.programme, str(self.programme))
        said = Said(_BECAME[self.value], {"programme": programme, "month": self.month_words()})
        return Said(mark("it is not so that %(conditions)s"), {"conditions": said}) if self.op == "neq" else said

    @property
    def uses(self) -> tuple[tuple[str, Any], ...]:
        """The programme."""
        return (("programme", self.programme),)


FACTS: dict[str, type[BankFact]] = {"balance": BalanceIs, "outcome": OutcomeIs}
