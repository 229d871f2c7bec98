"""Rights that decide are given by two; nobody is both pairs of eyes by way of an account he made."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden
from app.domain.access import keys, users
from app.domain.access.models import Organisation, User
from app.domain.access.permissions import of_role
from app.domain.approvals import decisions, rights
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given
from tests.factories import people


class Bank:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.olivia, self.oscar = people.staff(session, "owner", "olivia"), people.staff(session, "owner", "oscar")
        self.maya, self.adam = people.staff(session, "marketer", "maya"), people.staff(session, "admin", "adam")

    def new(self, role: str, by: Actor) -> Given | Approval:
        return rights.new_user(self.session, email=f"{uuid4().hex}@bank.example", name="Nora", role=role, by=by)

    def granted(self, request: Given | Approval, by: Actor) -> User:
        assert isinstance(request, Approval)
        return rights.carry_out(self.session, request.id, by=by).user

    def alone(self, role: str, by: Actor) -> User:
        given = self.new(role, by)
        assert isinstance(given, Given)
        return given.user

    def request_of(self, author: User | Actor) -> Approval:
        by = self.actor(author)
        return decisions.submit(self.session, ("thing", uuid4()), "It", digest=b"1", summary={}, editors=[], by=by)

    def actor(self, user: User | Actor) -> Actor:
        if isinstance(user, Actor):
            return user
        return replace(self.maya, id=user.id, role=user.role, permissions=of_role(user.role))


@pytest.fixture
def bank(session: Session, organisation: Organisation) -> Bank:
    return Bank(session)


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_one_owner_proposes_and_another_makes(bank: Bank, role: str) -> None:
    request = bank.new(role, bank.olivia)
    assert isinstance(request, Approval)
    for by in (bank.olivia, bank.maya, bank.adam):
        with pytest.raises(Forbidden):
            rights.carry_out(bank.session, request.id, by=by)
    given = rights.carry_out(bank.session, request.id, by=bank.oscar)
    assert (given.user.role, given.user.told_to, bool(given.password)) == (role, bank.oscar.id, True)


@pytest.mark.parametrize("role", ["marketer", "viewer", "auditor", "operator", "bank_officer"])
def test_other_roles_are_given_by_one(bank: Bank, role: str) -> None:
    assert bank.alone(role, bank.olivia).role == role


def test_nobody_gives_such_a_role_by_another_way(bank: Bank) -> None:
    assert bank.maya.id
    assert bank.adam.id
    with pytest.raises(Forbidden):
        users.set_role(bank.session, bank.maya.id, "admin", by=bank.olivia)
    with pytest.raises(Forbidden):
        users.set_role(bank.session, bank.maya.id, "admin", second=bank.olivia.id, by=bank.olivia)
    with pytest.raises(Forbidden):
        users.reset(bank.session, bank.adam.id, by=bank.olivia)
    with pytest.raises(Forbidden):
        users.create_user(
            bank.session, email="x@y.example", name="X", role="owner", password=people.PASSWORD, by=bank.olivia
        )
    users.set_active(bank.session, bank.adam.id, False, by=bank.olivia)
    with pytest.raises(Forbidden):
        users.set_active(bank.session, bank.adam.id, True, by=bank.olivia)


def test_a_role_a_reset_and_a_return_are_decided_by_another(bank: Bank) -> None:
    assert bank.maya.id
    assert bank.adam.id
    for request in (
        rights.set_role(bank.session, bank.maya.id, "admin", by=bank.olivia),
        rights.reset(bank.session, bank.adam.id, by=bank.olivia),
    ):
        bank.granted(request, bank.oscar)
    assert users.get(bank.session, bank.maya.id).role == "admin"
    assert users.get(bank.session, bank.adam.id).told_to == bank.oscar.id
    users.set_active(bank.session, bank.adam.id, False, by=bank.olivia)
    assert bank.granted(rights.let_in(bank.session, bank.adam.id, by=bank.olivia), bank.oscar).is_active


def test_taking_a_right_away_takes_one(bank: Bank) -> None:
    assert bank.adam.id
    assert isinstance(rights.set_role(bank.session, bank.adam.id, "viewer", by=bank.olivia), Given)


def test_a_proposal_about_somebody_who_changed_meanwhile_is_refused(bank: Bank) -> None:
    assert bank.maya.id
    request = rights.set_role(bank.session, bank.maya.id, "admin", by=bank.olivia)
    users.set_active(bank.session, bank.maya.id, False, by=bank.olivia)
    with pytest.raises(Conflict):
        bank.granted(request, bank.oscar)


def test_who_gave_the_password_is_in_no_decision_with_it(bank: Bank) -> None:
    marketer = bank.alone("marketer", bank.olivia)
    approver = bank.granted(bank.new("admin", bank.olivia), bank.oscar)
    decisions.approve(bank.session, bank.request_of(marketer).id, digest=b"1", by=bank.actor(approver))
    both = bank.alone("marketer", bank.oscar)
    with pytest.raises(Forbidden, match="72 hours"):  # Oscar was told both passwords
        decisions.approve(bank.session, bank.request_of(both).id, digest=b"1", by=bank.actor(approver))
    own = replace(bank.oscar, permissions=of_role("admin"))
    with pytest.raises(Forbidden, match="72 hours"):  # and is one of them himself
        decisions.approve(bank.session, bank.request_of(both).id, digest=b"1", by=own)
    request = bank.request_of(own)
    with pytest.raises(Forbidden, match="72 hours"):
        decisions.approve(bank.session, request.id, digest=b"1", by=bank.actor(approver))
    assert decisions.blocked_reason(bank.session, request, by=bank.actor(approver)) == "hands"
    both.told_at = approver.told_at = clock.now() - timedelta(hours=73)
    bank.session.flush()
    decisions.approve(bank.session, bank.request_of(both).id, digest=b"1", by=bank.actor(approver))


def test_a_key_that_approves_works_when_an_owner_has_granted_it(bank: Bank) -> None:
    whole, request = rights.new_key(bank.session, name="k", scopes=["campaigns:approve"], by=bank.adam)
    assert request
    assert keys.actor_for(bank.session, whole, ip=None, correlation_id=None) is None
    with pytest.raises(Forbidden):
        rights.grant_key(bank.session, request.id, by=bank.adam)
    rights.grant_key(bank.session, request.id, by=bank.olivia)
    actor = keys.actor_for(bank.session, whole, ip=None, correlation_id=None)
    assert actor
    assert actor.may("campaigns:approve")
