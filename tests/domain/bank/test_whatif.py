"""What if: the same month by another rule, beside its run, which stays as it is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden
from app.domain.bank import overrides, qualification, whatif
from app.domain.bank.models import Outcome, Programme
from app.domain.bank.outcomes import Became
from app.domain.bank.programmes import Rule
from app.domain.bank.whatif import WhatIf
from tests.domain.bank.conftest import FIRST, WHY, Judge, Take, newest
from tests.domain.bank.feed import october, record
from tests.factories import people

GOOD = "15000.00"
HIGH = [GOOD] * 31


@pytest.fixture
def other(session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor) -> object:
    """Three customers: whole, below on one day, without a value on one; asked by another rule."""
    people.contacts(session, 3)
    take(october({"0": HIGH, "1": [*HIGH[:8], "14000.00", *HIGH[9:]], "2": [*HIGH[:16], None, *HIGH[17:]]}))
    judge(programme)

    def ask(**rule: object) -> WhatIf:
        return whatif.ask(session, newest(session).id, Rule.model_validate(rule), by=officer)

    return ask


def test_the_same_rule_changes_nobody(other: object) -> None:
    found = other()  # type: ignore[operator]
    assert found.totals == found.would == {"qualified": 1, "not_qualified": 1, "indeterminate": 1}
    assert (list(found.became), found.overridden, found.has_moved) == ([], 0, False)


def test_it_says_how_many_outcomes_were_overridden_and_leaves_them_out(
    session: Session, other: object, officer: Actor
) -> None:
    run = newest(session)
    query = select(Outcome.contact_id).where(Outcome.outcome == "not_qualified")
    overrides.override(session, run.id, session.execute(query).scalar_one(), WHY, by=officer)
    found = other()  # type: ignore[operator]
    assert found.overridden == 1
    assert found.totals == found.would == {"qualified": 1, "not_qualified": 1, "indeterminate": 1}


@pytest.mark.parametrize(
    ("rule", "became"),
    [
        ({"threshold": "14000.00"}, [Became("not_qualified", "qualified", 1)]),
        (
            {"threshold": "20000.00"},
            [Became("qualified", "not_qualified", 1), Became("indeterminate", "not_qualified", 1)],
        ),
        (
            {"rule": "at_least", "days": 30},
            [Became("not_qualified", "qualified", 1), Became("indeterminate", "qualified", 1)],
        ),
        ({"calendar": "carry", "carry_days": 1}, [Became("indeterminate", "qualified", 1)]),
        ({"currency": "USD"}, [Became("qualified", "indeterminate", 1), Became("not_qualified", "indeterminate", 1)]),
    ],
    ids=["lower", "higher", "at least 30 days", "carried", "another currency"],
)
def test_another_rule_says_who_would_change(
    session: Session, other: object, rule: dict[str, object], became: list[Became]
) -> None:
    before = session.execute(select(Outcome.contact_id, Outcome.outcome).order_by(Outcome.contact_id)).all()
    found = other(**rule)  # type: ignore[operator]
    assert sorted(found.became, key=str) == sorted(became, key=str)
    assert found.totals == {"qualified": 1, "not_qualified": 1, "indeterminate": 1}
    assert sum(found.would.values()) == 3
    after = session.execute(select(Outcome.contact_id, Outcome.outcome).order_by(Outcome.contact_id)).all()
    assert after == before, "the run stays as it is"


def test_it_says_when_balances_came_after_the_run(session: Session, other: object, take: Take) -> None:
    corrected = october({"1": HIGH})
    corrected.records["2026-10-13"].append(record("1", "2026-10-09", GOOD, version=2))
    with clock.at(clock.now() + timedelta(hours=1)):
        take(corrected)
    found = other()  # type: ignore[operator]
    assert found.has_moved
    assert list(found.became) == [Became("not_qualified", "qualified", 1)]


def test_a_run_that_is_not_made_yet_cannot_be_asked(session: Session, programme: Programme, officer: Actor) -> None:
    run = qualification.start(session, programme.id, FIRST, by=officer)
    with pytest.raises(Conflict, match="not been calculated"):
        whatif.ask(session, run.id, Rule(), by=officer)
    assert whatif.rule_of(session, run.id, by=officer).threshold == Decimal("15000.00")


def test_who_may_not_see_runs_asks_nothing(session: Session, programme: Programme, officer: Actor) -> None:
    run = qualification.start(session, programme.id, FIRST, by=officer)
    with pytest.raises(Forbidden):
        whatif.ask(session, run.id, Rule(), by=people.staff(session, "viewer"))
