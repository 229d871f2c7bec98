"""What runs is approved again every year: who is told and when, and that it can be submitted as it is."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Conflict
from app.domain.flows import draft_state, lifecycle, possible, renewal
from app.domain.notices.models import Notice
from tests.domain.flows.journeys import Bank

DAY = timedelta(days=1)


def told(session: Session) -> dict[str, int]:
    """How many mails each address has got."""
    found: dict[str, int] = {}
    for address in session.execute(select(Notice.address).where(Notice.subject.like("%approved again%"))).scalars():
        found[address] = found.get(address, 0) + 1
    return found


def day(session: Session, moment: datetime) -> int:
    """What the upkeep of a day does, several times; how many mails came of it."""
    before = sum(told(session).values())
    with clock.at(moment):
        for _hour in range(3):
            renewal.tell(session)
    return sum(told(session).values()) - before


def test_maker_and_approvers_are_told_a_month_before_and_when_it_is_due(session: Session, bank: Bank) -> None:
    began = clock.now()
    bank.active(bank.flow())
    assert [day(session, began + n * DAY) for n in (1, 334, 336, 350, 364, 366, 400)] == [0, 0, 2, 0, 0, 2, 0]
    assert set(told(session).values()) == {2}
    assert {address.partition(".")[0] for address in told(session)} == {"maya", "adam"}
    last = session.execute(select(Notice.subject).order_by(Notice.id.desc()).limit(1)).scalar_one()
    assert last == "The flow “Welcome” is to be approved again now"


def test_it_is_submitted_again_as_it_is_and_then_nobody_is_told_for_a_year(session: Session, bank: Bank) -> None:
    began = clock.now()
    flow = bank.active(bank.flow())
    with pytest.raises(Conflict):
        lifecycle.submit(session, flow.id, by=bank.maya)
    with clock.at(began + 340 * DAY):
        assert "submit" in possible.possible(session, flow, by=bank.maya)
        assert [one[0].id for one in renewal.due(session, by=bank.maya)] == [flow.id]
        assert day(session, clock.now()) == 2
        lifecycle.submit(session, flow.id, by=bank.maya)
        assert renewal.due(session, by=bank.maya) == []  # it is the approver's work now
        adam = bank.adam.__class__(**{**bank.adam.__dict__, "factor_at": clock.now()})
        lifecycle.approve(session, flow.id, by=adam)
        lifecycle.activate(session, flow.id, by=bank.maya)
        assert "submit" not in possible.possible(session, flow, by=bank.maya)
        assert not draft_state.is_due(session, flow)
    assert [day(session, began + n * DAY) for n in (366, 400, 676)] == [0, 0, 2]


def test_whoever_was_told_and_did_nothing_keeps_no_other_from_being_told(
    session: Session, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "MOST", 1)
    began = clock.now()
    for name in ("Welcome", "Goodbye"):
        bank.active(bank.flow(name))
    assert day(session, began + 336 * DAY) == 4


def test_what_does_not_run_is_not_renewed(session: Session, bank: Bank) -> None:
    began = clock.now()
    flow = bank.active(bank.flow())
    lifecycle.archive(session, flow.id, by=bank.maya)
    assert day(session, began + 400 * DAY) == 0
