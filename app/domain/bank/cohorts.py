"""Who of a month is new, who stayed, who dropped out, and for how many months running people have qualified.

Everybody is counted who qualified, as it stands. A month that was not calculated ends what runs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.sql import load
from app.domain.bank import outcomes
from app.domain.bank.balances import month_of
from app.domain.bank.models import QualificationRun

LONGEST = 12  # months; who qualified for more is counted with them
# Every rate and what it is a share of.
RATES = {"gained": "now", "stayed": "then", "dropped": "then"}
_SQL = load("bank/queries.sql")


@dataclass(frozen=True)
class Cohort:
    """Those who qualified so many months running: `now` up to the month, `then` up to the month before.

    `stayed` are those of `then` who qualified once more. With `or_more` the longer ones are counted with them.
    """

    months: int
    now: int
    then: int
    stayed: int
    or_more: bool = False

    @property
    def dropped(self) -> int:
        """Those of `then` who did not qualify once more."""
        return self.then - self.stayed

    @property
    def retention(self) -> float | None:
        """The share of `then` that stayed; None where there is nobody who could."""
        return self.stayed / self.then if self.then else None


@dataclass(frozen=True)
class Cohorts:
    """The cohorts of a month beside those of `before`, the newest run of an earlier month; of the first month there is none.

    now  = stayed + gained
    then = stayed + dropped
    """

    before: QualificationRun | None
    rows: Sequence[Cohort]

    @property
    def now(self) -> int:
        """Who qualified in the month."""
        return sum(row.now for row in self.rows)

    @property
    def then(self) -> int:
        """Who qualified in the month before."""
        return sum(row.then for row in self.rows)

    @property
    def stayed(self) -> int:
        """Who qualified in both."""
        return sum(row.stayed for row in self.rows)

    @property
    def gained(self) -> int:
        """Who qualified in the month and not in the month before."""
        return self.now - self.stayed

    @property
    def dropped(self) -> int:
        """Who qualified in the month before and not in the month."""
        return self.then - self.stayed

    def rate(self, name: str) -> float | None:
        """A rate by its name in RATES; None where there is nothing it could be a share of."""
        whole: int = getattr(self, RATES[name])
        return getattr(self, name) / whole if whole else None

    def share(self, row: Cohort) -> float | None:
        """The share of those who qualified in the month that has qualified for so long."""
        return row.now / self.now if self.now else None

    def folded(self, months: int) -> "Cohorts":
        """The same with those of so many months and all longer ones as one."""
        kept, rest = self.rows[: months - 1], self.rows[months - 1 :]
        last = Cohort(
            months, sum(one.now for one in rest), sum(one.then for one in rest), sum(one.stayed for one in rest), True
        )
        return replace(self, rows=[*kept, last] if rest else kept)


def of_run(session: Session, run: QualificationRun, *, by: Actor) -> Cohorts:
    """The cohorts of the month of a run, from the runs that stand of the months before it."""
    require(by, "bank:read")
    runs = outcomes.lately(session, run, LONGEST + 1)
    months = [one.month for one in runs]
    now, then, stayed = Counter[int](), Counter[int](), Counter[int]()
    asked = {"runs": [one.id for one in runs], "places": list(range(len(runs)))}
    for seen, customers in session.execute(_SQL["months_qualified"], asked).all():
        newest, earlier = _running(seen, months), _running(seen >> 1, months[1:])
        now[newest] += customers
        then[earlier] += customers
        stayed[earlier] += customers if newest else 0
    longest = max((*now, *then), default=0)
    rows = [Cohort(n, now[n], then[n], stayed[n], n == LONGEST) for n in range(1, longest + 1)]
    return Cohorts(runs[1] if runs[1:] else None, rows)


def _running(seen: int, months: Sequence[date]) -> int:
    """For how many months in a row a bit is set, from the first on, which is the newest."""
    for place, month in enumerate(months[:LONGEST]):
        is_next = place == 0 or month_of(month)[1] == months[place - 1]
        if not (seen >> place & 1 and is_next):
            return place
    return len(months[:LONGEST])
