"""Which verbs are open to whom: four eyes, rights and states in one place, for page and API."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.domain.access.models import Organisation, User
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.campaigns import drafts, lifecycle, resuming, states
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.possible import blocked_reason, possible
from tests.factories import people, sending


@pytest.fixture
def staff(session: Session, organisation: Organisation) -> dict[str, Actor]:
    return {role: people.staff(session, role) for role in ("marketer", "admin", "owner", "operator", "viewer")}


@pytest.fixture
def campaign(session: Session, staff: dict[str, Actor]) -> Campaign:
    people.contacts(session, 3)
    sending.account(session)
    new = CampaignInput(name="Savings offer", sms_template_id=sending.sms_template(session, message_class="service").id)
    return drafts.create(session, new, by=staff["marketer"])


def test_every_verb_a_person_has_names_what_it_needs() -> None:
    ours = {verb for state in states.STATES for verb in states.possible(state)}
    assert ours - set(states.NEEDS) == {"schedule", "launch", "ask_again", "complete", "fail"}, (
        "what nobody does by hand"
    )


def test_a_draft_is_changed_submitted_and_cancelled(
    session: Session, campaign: Campaign, staff: dict[str, Actor]
) -> None:
    assert possible(session, campaign, by=staff["marketer"]) == {"edit", "submit", "clone", "cancel"}
    assert possible(session, campaign, by=staff["viewer"]) == set()
    campaign.sms_template_id = None
    assert "submit" not in possible(session, campaign, by=staff["marketer"]), "there is nothing to send"


def test_who_made_it_does_not_approve_it(session: Session, campaign: Campaign, staff: dict[str, Actor]) -> None:
    lifecycle.submit(session, campaign.id, by=staff["marketer"])
    assert {"approve", "reject"} <= possible(session, campaign, by=staff["admin"])
    assert not {"approve", "reject"} & possible(session, campaign, by=staff["marketer"])
    author = Actor(campaign.organisation_id, "user", staff["marketer"].id, permissions=staff["admin"].permissions)
    assert not {"approve", "reject"} & possible(session, campaign, by=author)
    assert "withdraw" in possible(session, campaign, by=staff["marketer"])
    campaign.name = "Another offer"
    session.flush()
    sms = sending.sms_template(session, "Another text", message_class="service")
    campaign.sms_template_id = sms.id
    assert "approve" not in possible(session, campaign, by=staff["admin"]), "it is not what was submitted"
    assert "reject" in possible(session, campaign, by=staff["admin"])
    session.execute(update(Approval).values(state="void"))
    session.expire_all()
    assert not {"approve", "reject"} & possible(session, campaign, by=staff["admin"])


def test_who_could_have_signed_in_as_its_author_does_not_approve_it(
    session: Session, campaign: Campaign, staff: dict[str, Actor]
) -> None:
    lifecycle.submit(session, campaign.id, by=staff["marketer"])
    told = update(User).where(User.id == staff["marketer"].id)
    session.execute(told.values(told_to=staff["admin"].id, told_at=clock.now()))
    assert not {"approve", "reject"} & possible(session, campaign, by=staff["admin"])
    assert campaign.approval_id
    request = decisions.get(session, campaign.approval_id)
    assert blocked_reason(session, campaign, request, by=staff["admin"]) == "hands"


def test_one_stops_and_two_start_again(session: Session, campaign: Campaign, staff: dict[str, Actor]) -> None:
    campaign.state = "paused"
    assert {"resume", "cancel"} <= possible(session, campaign, by=staff["operator"])
    resuming.propose(session, campaign.id, by=staff["operator"])
    assert "resume" not in possible(session, campaign, by=staff["operator"]), "that is asked already"


@pytest.mark.parametrize("state", states.STATES)
def test_what_is_possible_is_not_refused_for_its_state(
    session: Session, campaign: Campaign, staff: dict[str, Actor], state: str
) -> None:
    campaign.state = state
    for verb in possible(session, campaign, by=staff["owner"]) - {"clone", "send"}:
        assert states.after(state, verb)
