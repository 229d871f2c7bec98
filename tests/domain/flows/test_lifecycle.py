"""The life of a flow: two pairs of eyes, what runs is what was approved, and what is changed beside it changes nothing."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.domain.approvals.models import Approval
from app.domain.content import library
from app.domain.flows import draft_state, drafts, lifecycle, resuming
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.pinned import Pinned
from app.domain.flows.possible import blocked_reason, possible
from tests.domain.flows.journeys import SMS, Bank
from tests.factories import people


def version_of(session: Session, flow: Flow) -> FlowVersion:
    assert flow.version_id
    return session.get_one(FlowVersion, flow.version_id)


def enter(session: Session, flow: Flow) -> FlowRun:
    """Somebody is on his way in it."""
    run = FlowRun(
        organisation_id=flow.organisation_id, flow_id=flow.id, version_id=flow.version_id, step="s2",
        contact_id=people.contacts(session, 1)[0], arrived_at=clock.now(), entered_at=clock.now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run


def test_a_flow_goes_from_draft_to_running_by_two_people(session: Session, bank: Bank) -> None:
    flow = bank.submitted(bank.flow())
    assert flow.state == "in_review"
    assert lifecycle.approve(session, flow.id, by=bank.adam).state == "approved"
    version = lifecycle.activate(session, flow.id, by=bank.maya)
    assert (flow.state, flow.version_id, version.number) == ("active", version.id, 1)
    assert version.definition == flow.definition


def test_nobody_approves_what_he_drew_wrote_or_named(session: Session, bank: Bank) -> None:
    flow = bank.submitted(bank.flow())
    for author in (bank.maya, bank.will, bank.ann):
        with pytest.raises(Forbidden):
            lifecycle.approve(session, flow.id, by=_as_admin(author))


def _as_admin(actor: Actor) -> Actor:
    return Actor(
        actor.organisation_id, "user", actor.id, actor.name, "admin",
        actor.permissions | {"flows:approve", "approvals:decide"}, factor_at=clock.now(),
    )  # fmt: skip


def test_any_change_takes_the_draft_back_from_approval(session: Session, bank: Bank) -> None:
    flow = bank.submitted(bank.flow())
    drafts.edit(session, flow.id, Edit(op="insert", type="exit"), by=bank.maya)
    assert (flow.state, flow.approval_id) == ("draft", None)


def test_a_text_that_is_changed_after_submitting_stops_the_approval(session: Session, bank: Bank) -> None:
    flow = bank.submitted(bank.flow())
    bank.rewrite(SMS + " Again.")
    approval = session.get_one(Approval, flow.approval_id)
    assert blocked_reason(session, flow, approval, by=bank.adam) == "changed"
    with pytest.raises(Conflict, match="changed"):
        lifecycle.approve(session, flow.id, by=bank.adam)


def test_a_text_that_is_changed_later_is_not_sent_until_the_flow_is_submitted_again(
    session: Session, bank: Bank
) -> None:
    flow = bank.active(bank.flow())
    version = version_of(session, flow)
    before = Pinned.model_validate(version.pinned).texts["s1"].version_id
    assert not draft_state.is_changed(session, flow)
    bank.rewrite(SMS + " Again.")
    assert [newer.step for newer in draft_state.newer_texts(session, version)] == ["s1"]
    assert "submit" in possible(session, flow, by=bank.maya)
    bank.active(flow)
    now = Pinned.model_validate(version_of(session, flow).pinned).texts["s1"].version_id
    assert now != before
    assert draft_state.newer_texts(session, version_of(session, flow)) == []


def test_a_running_flow_goes_on_while_its_draft_is_decided(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    first = version_of(session, flow)
    drafts.edit(session, flow.id, Edit(op="configure", id="s2", config={"days": 5}), by=bank.maya)
    bank.submitted(flow)
    assert (flow.state, draft_state.of(session, flow)) == ("active", "in_review")
    with pytest.raises(Conflict):
        lifecycle.activate(session, flow.id, by=bank.maya)
    lifecycle.reject(session, flow.id, note="Four days.", by=bank.adam)
    assert (flow.state, draft_state.of(session, flow), flow.version_id) == ("active", "draft", first.id)
    bank.active(flow)
    assert version_of(session, flow).number == 2
    assert [one.number for one in drafts.versions(session, flow)] == [2, 1]


def test_what_runs_already_is_not_submitted_again(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    with pytest.raises(Conflict, match="Nothing has changed"):
        bank.submitted(flow)
    assert "submit" not in possible(session, flow, by=bank.maya)


def test_who_edited_an_older_version_may_approve_a_later_one(session: Session, bank: Bank) -> None:
    flow = bank.flow()
    zoe = people.staff(session, "marketer", "zoe")
    drafts.edit(session, flow.id, Edit(op="configure", id="s2", config={"days": 5}), by=zoe)
    bank.active(flow)
    drafts.edit(session, flow.id, Edit(op="configure", id="s2", config={"days": 6}), by=bank.maya)
    bank.submitted(flow)
    lifecycle.approve(session, flow.id, by=_as_admin(zoe))


def test_one_stops_a_flow_and_two_start_it_again(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    lifecycle.pause(session, flow.id, by=bank.maya)
    assert flow.state == "paused"
    with pytest.raises(Forbidden):
        lifecycle.resume(session, flow.id, by=bank.maya)
    asked = resuming.propose(session, flow.id, by=bank.maya)
    assert "resume" not in possible(session, flow, by=bank.maya)
    with pytest.raises(Forbidden):
        resuming.carry_out(session, asked.id, by=bank.maya)
    assert resuming.carry_out(session, asked.id, by=bank.adam).state == "active"


def test_a_flow_is_not_put_away_while_people_are_in_it(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    enter(session, flow)
    assert drafts.people_in(session, [flow]) == {flow.id: 1}
    with pytest.raises(Conflict, match="in this flow: 1"):
        lifecycle.archive(session, flow.id, by=bank.maya)


def test_a_text_is_free_once_its_flow_is_put_away(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    drafts.edit(session, flow.id, Edit(op="delete", id="s1"), by=bank.maya)
    with pytest.raises(Conflict, match="Welcome"):
        library.archive(session, bank.template_id, by=bank.will)  # what runs still sends it
    lifecycle.archive(session, flow.id, by=bank.maya)
    library.archive(session, bank.template_id, by=bank.will)
    restored = lifecycle.restore(session, flow.id, by=bank.maya)
    assert (restored.state, restored.version_id) == ("draft", None)


def test_a_flow_that_another_leads_to_is_not_put_away(session: Session, bank: Bank) -> None:
    flow = bank.flow()
    bank.flow("Before", bank.definition({"id": "s1", "type": "go_to", "config": {"flow_id": str(flow.id)}}))
    with pytest.raises(Conflict, match="Before"):
        lifecycle.archive(session, flow.id, by=bank.maya)


def test_an_approval_is_looked_at_again_after_a_year(session: Session, bank: Bank) -> None:
    flow = bank.active(bank.flow())
    assert not draft_state.is_old(session, flow)
    approval = session.get_one(Approval, version_of(session, flow).approval_id)
    approval.decided_at = clock.now() - timedelta(days=366)
    assert draft_state.is_old(session, flow)


def test_a_request_that_was_not_read_is_not_decided(session: Session, bank: Bank) -> None:
    flow = bank.submitted(bank.flow())
    read = flow.approval_id
    lifecycle.withdraw(session, flow.id, by=bank.maya)
    bank.submitted(flow)
    with pytest.raises(Conflict, match="since you opened it"):
        lifecycle.approve(session, flow.id, seen=read, by=bank.adam)
    with pytest.raises(Invalid):
        lifecycle.reject(session, flow.id, note=" ", seen=flow.approval_id, by=bank.adam)
