"""For how many months running people have qualified, and who came, stayed and went: every number beside what it is a share of."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.bank import cohorts, outcomes, overrides, programmes
from app.domain.bank.cohorts import LONGEST, Cohort
from app.domain.bank.models import Outcome, Programme, QualificationRun
from app.domain.bank.outcomes import Wanted
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from tests.domain.bank.conftest import WHY, number
from tests.factories import people


@pytest.fixture(autouse=True)
def customers(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 6)


def month(session: Session, programme: Programme, first: date, qualified: str, **said: object) -> QualificationRun:
    """A run of a month in which those customers qualified, and nobody else."""
    values = {"state": "calculated", "version": 1, **said}
    run = QualificationRun(
        organisation_id=programme.organisation_id, programme_id=programme.id, month=first, calculated_at=clock.now(),
        programme_version_id=programmes.current(session, programme).id, created_at=clock.now(),
        totals={"customers": 6, "qualified": len(qualified), "not_qualified": 6 - len(qualified), "indeterminate": 0}, **values,
    )  # fmt: skip
    session.add(run)
    session.flush()
    for external_id, contact in session.execute(select(Contact.external_id, Contact.id)).all():
        kept = str(external_id) in qualified
        session.add(
            Outcome(
                organisation_id=run.organisation_id, run_id=run.id, contact_id=contact, days_passed=30 if kept else 29,
                days_required=30, outcome="qualified" if kept else "not_qualified", missing=[],
            )
        )  # fmt: skip
    session.flush()
    return run


def found(session: Session, run: QualificationRun) -> cohorts.Cohorts:
    return cohorts.of_run(session, run, by=system(run.organisation_id))


def test_who_qualified_how_many_months_running_and_who_stayed(session: Session, programme: Programme) -> None:
    month(session, programme, date(2026, 8, 1), "01")
    before = month(session, programme, date(2026, 9, 1), "0123")
    one = found(session, month(session, programme, date(2026, 10, 1), "024"))
    assert one.before == before
    assert one.rows == [Cohort(1, now=1, then=2, stayed=1), Cohort(2, now=1, then=2, stayed=1), Cohort(3, 1, 0, 0)]
    assert (one.now, one.then) == (3, 4)
    assert (one.gained, one.stayed, one.dropped) == (1, 2, 2)
    assert (one.rate("gained"), one.rate("stayed"), one.rate("dropped")) == (1 / 3, 2 / 4, 2 / 4)
    assert [one.share(row) for row in one.rows] == [1 / 3, 1 / 3, 1 / 3]
    assert [row.retention for row in one.rows] == [0.5, 0.5, None]


def test_they_are_those_the_page_of_the_run_lists(session: Session, programme: Programme, officer: Actor) -> None:
    month(session, programme, date(2026, 9, 1), "0123")
    run = month(session, programme, date(2026, 10, 1), "045")
    one = found(session, run)
    for which, count in (("gained", one.gained), ("dropped", one.dropped)):
        listed = outcomes.listed(session, run.id, Ask(), Wanted(which=which), by=officer)
        assert len(listed.items) == count


def test_a_word_against_an_outcome_counts_in_every_month(
    session: Session, programme: Programme, officer: Actor
) -> None:
    before = month(session, programme, date(2026, 9, 1), "01")
    run = month(session, programme, date(2026, 10, 1), "01")
    overrides.override(session, before.id, number(session, "5").id, WHY, by=officer)
    overrides.override(
        session, run.id, number(session, "0").id, WHY.model_copy(update={"outcome": "not_qualified"}), by=officer
    )
    one = found(session, run)
    assert (one.now, one.then, one.stayed) == (1, 3, 1)
    overrides.withdraw(session, run.id, number(session, "0").id, by=officer)
    assert found(session, run).stayed == 2


def test_a_month_that_was_not_calculated_ends_what_runs(session: Session, programme: Programme) -> None:
    month(session, programme, date(2026, 7, 1), "01")
    before = month(session, programme, date(2026, 8, 1), "01")
    one = found(session, month(session, programme, date(2026, 10, 1), "0"))
    assert one.before == before
    assert one.rows == [Cohort(1, now=1, then=0, stayed=0), Cohort(2, now=0, then=2, stayed=1)]
    assert (one.gained, one.stayed, one.dropped) == (0, 1, 1)


def test_only_the_newest_run_of_a_month_counts_and_none_of_another_programme(
    session: Session, programme: Programme
) -> None:
    september = date(2026, 9, 1)
    month(session, programme, september, "012345", state="superseded")
    month(session, programme, september, "01", version=2)
    other = programmes.create(session, ProgrammeInput(name="Other"), by=system(programme.organisation_id))
    month(session, other, september, "345")
    assert found(session, month(session, programme, date(2026, 10, 1), "0")).then == 2


def test_who_qualified_for_more_than_a_year_is_one_cohort(session: Session, programme: Programme) -> None:
    for place in range(LONGEST + 2):
        month(session, programme, date(2025 + place // 12, place % 12 + 1, 1), "0" if place else "")
    run = month(session, programme, date(2026, 3, 1), "0")
    [*others, last] = found(session, run).rows
    assert last == Cohort(LONGEST, now=1, then=1, stayed=1, or_more=True)
    assert not any(row.now or row.then for row in others)


def test_the_first_month_has_none_before_it(session: Session, programme: Programme) -> None:
    one = found(session, month(session, programme, date(2026, 10, 1), "01"))
    assert one.before is None
    assert one.rows == [Cohort(1, now=2, then=0, stayed=0)]
    assert (one.rate("stayed"), one.rows[0].retention) == (None, None)
    nobody = found(session, month(session, programme, date(2026, 11, 1), ""))
    assert (nobody.now, nobody.then, nobody.dropped, nobody.rate("gained")) == (0, 2, 2, None)


def test_longer_cohorts_are_put_together(session: Session, programme: Programme) -> None:
    month(session, programme, date(2026, 8, 1), "01")
    month(session, programme, date(2026, 9, 1), "0123")
    one = found(session, month(session, programme, date(2026, 10, 1), "024"))
    folded = one.folded(2)
    assert folded.rows == [one.rows[0], Cohort(2, now=2, then=2, stayed=1, or_more=True)]
    assert (folded.gained, folded.stayed, folded.dropped) == (one.gained, one.stayed, one.dropped)


def test_who_may_not_see_the_bank_sees_no_cohorts(session: Session, programme: Programme) -> None:
    run = month(session, programme, date(2026, 10, 1), "01")
    with pytest.raises(Forbidden):
        cohorts.of_run(session, run, by=people.staff(session, "viewer"))
