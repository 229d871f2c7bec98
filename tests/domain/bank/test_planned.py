"""A month is released at a planned moment, and not if something came in between."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.domain.access.models import User
from app.domain.audit.models import AuditEntry
from app.domain.bank import planned, release, review
from app.domain.bank.models import Programme, QualificationRun
from tests.domain.bank.conftest import GOOD, Take, approved, calculated
from tests.domain.bank.feed import october, record
from tests.factories import people

LATER = timedelta(hours=3)


@pytest.fixture
def waiting(session: Session, run: QualificationRun, officer: Actor, approver: Actor) -> QualificationRun:
    """An approved month whose release is planned in three hours."""
    approved(session, run, officer, approver)
    return planned.plan(session, run.id, clock.now() + LATER, by=approver)


def at_its_moment(session: Session, run: QualificationRun, hours: float = 3) -> None:
    """The sweeper comes by."""
    with clock.at(clock.now() + timedelta(hours=hours)):
        planned.begin(session)
        session.flush()
        session.refresh(run)


def test_it_begins_at_its_moment_and_not_before(session: Session, waiting: QualificationRun, approver: Actor) -> None:
    at_its_moment(session, waiting, 2.9)
    assert waiting.state == "approved"
    at_its_moment(session, waiting)
    assert (waiting.state, waiting.released_by) == ("released", approver.id)
    assert waiting.released_at == waiting.planned_for
    at_its_moment(session, waiting)
    assert waiting.plan_failure is None, "what was released is not released again"


def test_balances_that_came_in_stop_it_and_the_page_says_so(
    session: Session, waiting: QualificationRun, take: Take
) -> None:
    feed = october({"0": GOOD})
    feed.records["2026-10-09"].append(record("0", "2026-10-09", "1.00", version=2))
    with clock.at(clock.now() + timedelta(hours=1)):
        take(feed)
    at_its_moment(session, waiting)
    assert (waiting.state, waiting.planned_for) == ("approved", None)
    assert "came in" in (waiting.plan_failure or "")
    at_its_moment(session, waiting)
    assert waiting.state == "approved", "it is not tried again by itself"


def test_a_changed_programme_stops_it(session: Session, waiting: QualificationRun, premium: Programme) -> None:
    premium.name = "Something else"
    session.flush()
    at_its_moment(session, waiting)
    assert waiting.state == "approved"
    assert "changed after it was approved" in (waiting.plan_failure or "")


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}])
def test_whoever_may_not_release_any_more_releases_nothing(
    session: Session, waiting: QualificationRun, approver: Actor, change: dict[str, object]
) -> None:
    session.execute(update(User).where(User.id == approver.id).values(**change))
    session.expire_all()
    at_its_moment(session, waiting)
    assert waiting.state == "approved"
    assert waiting.plan_failure


def test_an_approval_that_is_taken_back_ends_the_plan(
    session: Session, waiting: QualificationRun, officer: Actor
) -> None:
    review.withdraw(session, waiting.id, by=officer)
    at_its_moment(session, waiting)
    assert (waiting.state, waiting.planned_for, waiting.plan_failure) == ("calculated", None, None)


def test_a_newer_calculation_ends_the_plan(
    session: Session, waiting: QualificationRun, premium: Programme, officer: Actor
) -> None:
    calculated(session, premium, officer)
    at_its_moment(session, waiting)
    assert waiting.state == "superseded"


def test_one_person_calls_it_off(session: Session, waiting: QualificationRun, officer: Actor, approver: Actor) -> None:
    assert "call_off" in review.possible(session, waiting, by=officer)
    planned.call_off(session, waiting.id, by=officer)
    at_its_moment(session, waiting)
    assert (waiting.state, waiting.planned_for, waiting.plan_failure) == ("approved", None, None)
    assert "call_off" not in review.possible(session, waiting, by=officer)
    with pytest.raises(Conflict, match="No release is planned"):
        planned.call_off(session, waiting.id, by=officer)
    release.release(session, waiting.id, by=approver)
    assert waiting.state == "released"


def test_only_whoever_may_release_plans_and_only_what_is_approved_and_ahead(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    with pytest.raises(Conflict):
        planned.plan(session, run.id, clock.now() + LATER, by=approver)
    session.expire_all()
    approved(session, run, officer, approver)
    with pytest.raises(Forbidden):
        planned.plan(session, run.id, clock.now() + LATER, by=people.staff(session, "marketer"))
    for wrong in (timedelta(0), -LATER, timedelta(days=32)):
        with pytest.raises(Invalid):
            planned.plan(session, run.id, clock.now() + wrong, by=approver)


def test_a_refused_plan_is_in_the_audit_trail(session: Session, waiting: QualificationRun, premium: Programme) -> None:
    premium.name = "Something else"
    session.flush()
    at_its_moment(session, waiting)
    session.commit()
    acts = session.execute(select(AuditEntry.action).where(AuditEntry.subject_id == str(waiting.id))).scalars().all()
    assert {"run.release_planned", "run.release_refused"} <= set(acts)
    assert "run.released" not in acts
