"""What a programme says of telling and of its report: versions that two people decide, carried by the send of a release."""

from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Invalid
from app.domain.access.models import User
from app.domain.bank import programmes, qualification, release
from app.domain.bank.models import Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.messages import sends
from tests.domain.bank.conftest import approved, calculated
from tests.factories import people


def changed(session: Session, programme: Programme, officer: Actor, approver: Actor, **values: object) -> None:
    """Another version of a programme, asked for by one and decided by another."""
    now = programmes.as_input(session, programme, by=officer)
    approval = programmes.propose(session, now.model_copy(update=values), programme.id, by=officer)
    programmes.carry_out(session, approval.id, by=replace(approver, factor_at=clock.now()))


def test_the_send_of_a_release_carries_how_often_its_programme_tells_somebody(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor, approver: Actor
) -> None:
    changed(session, premium, officer, approver, most_attempts=2, retry_hours=9)
    again = calculated(session, premium, officer)
    approved(session, again, officer, approver)
    release.release(session, again.id, by=approver)
    [send] = sends.of_source(session, qualification.SUBJECT, again.id)
    assert (send.most_attempts, send.retry_hours) == (2, 9)


def test_a_release_goes_by_the_version_its_month_was_calculated_with(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    changed(session, premium, officer, approver, most_attempts=1)
    release.release(session, run.id, by=approver)
    [send] = sends.of_source(session, qualification.SUBJECT, run.id)
    assert (send.most_attempts, send.retry_hours) == (3, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_attempts": 0},
        {"most_attempts": 4},
        {"retry_hours": 0},
        {"retry_hours": 25},
        {"budget": "0"},
        {"budget": "-5"},
        {"budget": "1.001"},
        {"budget": "NaN"},
    ],
)
def test_a_programme_tells_nobody_more_often_than_is_allowed(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ProgrammeInput.model_validate({"name": "Premium", **wrong})


def test_the_report_of_a_month_goes_only_to_colleagues_who_may_read_it(
    session: Session, programme: Programme, officer: Actor, approver: Actor
) -> None:
    viewer, auditor = people.staff(session, "viewer"), people.staff(session, "auditor")
    assert viewer.id not in {user.id for user in programmes.readers(session, by=officer)}
    with pytest.raises(Invalid, match="may read the reports"):
        changed(session, programme, officer, approver, recipients=(viewer.id,))
    changed(session, programme, officer, approver, recipients=(auditor.id,))
    version = programmes.current(session, programme)
    assert [user.id for user in programmes.recipients(session, version, by=officer)] == [auditor.id]
    session.execute(update(User).where(User.id == auditor.id).values(role="viewer"))
    session.expire_all()
    assert programmes.recipients(session, version, by=officer) == []


def test_a_recipient_who_left_before_the_decision_is_not_decided_for(
    session: Session, programme: Programme, officer: Actor, approver: Actor
) -> None:
    auditor = people.staff(session, "auditor")
    now = programmes.as_input(session, programme, by=officer)
    approval = programmes.propose(
        session, now.model_copy(update={"recipients": (auditor.id,)}), programme.id, by=officer
    )
    session.execute(update(User).where(User.id == auditor.id).values(is_active=False))
    with pytest.raises(Invalid, match="may read the reports"):
        programmes.carry_out(session, approval.id, by=replace(approver, factor_at=clock.now()))


def test_a_budget_is_a_setting_that_two_people_change(
    session: Session, programme: Programme, officer: Actor, approver: Actor
) -> None:
    assert programmes.as_input(session, programme, by=officer).budget is None
    now = programmes.as_input(session, programme, by=officer)
    new = ProgrammeInput.model_validate({**now.model_dump(), "budget": "1500"})
    approval = programmes.propose(session, new, programme.id, by=officer)
    assert (approval.summary["before"], approval.summary["after"]) == ({"budget": None}, {"budget": "1500"})
    assert programmes.current(session, programme).budget is None, "not before the decision"
    programmes.carry_out(session, approval.id, by=replace(approver, factor_at=clock.now()))
    assert programmes.as_input(session, programme, by=officer).budget == Decimal("1500.00")
    changed(session, programme, officer, approver, budget=None)
    assert programmes.current(session, programme).budget is None
