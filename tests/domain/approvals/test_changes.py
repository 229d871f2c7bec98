"""Changes that two people make: what is decided is what was proposed, to the last value, and from what it was made."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, NotFound
from app.core.vault import Sealed
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from tests.factories import people

VALUES = {"sender": "CARILLON", "key": UUID(int=7), "from": datetime(2026, 3, 1, tzinfo=UTC)}
STATE = {"version": 3}


@pytest.fixture
def maker(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "owner", "olivia")


@pytest.fixture
def other(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "owner", "oscar")


def change(**given: object) -> Change:
    said = {
        "subject": ("thing", uuid4()),
        "name": "A thing",
        "act": "thing.change",
        "needs": "users:write",
        "values": VALUES,
        "state": STATE,
    }
    return Change(**said | given)  # type: ignore[arg-type]


def test_what_was_proposed_is_what_is_carried_out(session: Session, maker: Actor, other: Actor) -> None:
    approval = changes.propose(session, change(before={"sender": "OLD"}, after={"sender": "CARILLON"}), by=maker)
    assert approval.summary == {"act": "thing.change", "before": {"sender": "OLD"}, "after": {"sender": "CARILLON"}}
    assert (approval.needs, approval.made_by, approval.editors) == ("users:write", maker.id, [maker.id])
    carried = changes.approve(session, approval, state=STATE, note="Fine.", by=other)
    assert carried == {"sender": "CARILLON", "key": str(UUID(int=7)), "from": "2026-03-01 00:00:00+00:00"}
    assert (approval.state, approval.note, approval.decided_by) == ("approved", "Fine.", other.id)


def test_values_are_not_shown_and_belong_to_their_request(session: Session, maker: Actor) -> None:
    one, two = (changes.propose(session, change(values={"secret": "copper lantern"}), by=maker) for _ in range(2))
    assert one.proposal is not None
    assert b"copper" not in one.proposal
    assert "copper" not in str(one.summary)
    one.proposal = two.proposal
    with pytest.raises(Sealed):
        changes.opened(session, one)


def test_what_the_change_was_made_from_must_still_be_so(session: Session, maker: Actor, other: Actor) -> None:
    approval = changes.propose(session, change(), by=maker)
    with pytest.raises(Conflict, match="changed"):
        changes.approve(session, approval, state={"version": 4}, note="", by=other)
    assert approval.state == "pending"


@pytest.mark.parametrize(
    "given",
    [{"act": "thing.remove"}, {"values": {"sender": "OTHER"}}, {"state": {"version": 4}}],
    ids=["act", "values", "state"],
)
def test_the_digest_is_of_act_values_and_state(session: Session, maker: Actor, given: dict[str, object]) -> None:
    subject = ("thing", uuid4())
    assert (
        changes.propose(session, change(subject=subject), by=maker).digest
        == changes.propose(session, change(subject=subject), by=maker).digest
    )
    assert (
        changes.propose(session, change(**given), by=maker).digest
        != changes.propose(session, change(), by=maker).digest
    )


def test_values_that_were_exchanged_are_not_decided_on(session: Session, maker: Actor, other: Actor) -> None:
    """Whoever can write to the table puts other values, well sealed, into a request that waits."""
    approval = changes.propose(session, change(), by=maker)
    kept = approval.digest
    approval.proposal = vault_of(session).seal(b'{"sender": "EVIL"}', changes._bound(approval))
    with pytest.raises(Conflict):
        changes.approve(session, approval, state=STATE, note="", by=other)
    assert (approval.state, approval.digest) == ("pending", kept)


def test_a_request_about_something_else_is_decided_elsewhere(session: Session, maker: Actor, other: Actor) -> None:
    plain = decisions.submit(session, ("campaign", uuid4()), "Offer", digest=b"x", summary={}, editors=[], by=maker)
    with pytest.raises(Conflict, match="on the page of what it is about"):
        changes.approve(session, plain, state={}, note="", by=other)
    assert decisions.possible(session, plain, by=other) == frozenset()


def test_what_each_can_do_with_a_request(session: Session, maker: Actor, other: Actor) -> None:
    approval = changes.propose(session, change(), by=maker)
    viewer = people.staff(session, "viewer")
    assert decisions.possible(session, approval, by=other) == {"approve", "reject"}
    assert decisions.possible(session, approval, by=maker) == {"withdraw"}
    assert decisions.possible(session, approval, by=viewer) == frozenset()
    assert [user.id for user in decisions.deciders(session, approval)] == [other.id]
    assert viewer.id in [user.id for user in decisions.deciders(session, approval, needs="contacts:read")]
    assert (decisions.decides(by=other), decisions.decides(by=viewer)) == (True, False)
    changes.approve(session, approval, state=STATE, note="", by=other)
    assert (
        decisions.possible(session, approval, by=other)
        == decisions.possible(session, approval, by=maker)
        == frozenset()
    )


def test_a_request_is_read_by_who_may_read_requests(session: Session, maker: Actor) -> None:
    approval = changes.propose(session, change(), by=maker)
    assert decisions.read(session, approval.id, by=maker) is approval
    with pytest.raises(NotFound):
        decisions.read(session, uuid4(), by=maker)


def test_a_new_proposal_for_the_same_thing_voids_the_older(session: Session, maker: Actor, other: Actor) -> None:
    subject = ("thing", uuid4())
    first, second = (changes.propose(session, change(subject=subject), by=maker) for _ in range(2))
    session.refresh(first)
    assert (first.state, second.state) == ("void", "pending")
    assert second.expires_at > clock.now()
