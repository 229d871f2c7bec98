"""Four eyes: nobody approves their own work, in the code and in the database."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, FactorNeeded, Forbidden, Invalid
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.access.permissions import of_role
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval

DIGEST = decisions.digest_of({"text": "hello"})


def person(session: Session, organisation: Organisation, role: str, name: str) -> Actor:
    user = users.create_user(
        session,
        email=f"{name}@bank.example",
        name=name.title(),
        role=role,
        password="copper-lantern-meadow-river",
        by=system(organisation.id),
    )
    return Actor(organisation.id, "user", user.id, user.name, role, of_role(role), factor_at=clock.now())


@pytest.fixture
def maker(session: Session, organisation: Organisation) -> Actor:
    return person(session, organisation, "marketer", "maya")


@pytest.fixture
def approver(session: Session, organisation: Organisation) -> Actor:
    return person(session, organisation, "admin", "adam")


def submitted(session: Session, maker: Actor, *editors: Actor) -> Approval:
    ids = [e.id for e in editors if e.id]
    return decisions.submit(session, ("thing", uuid4()), "A thing", digest=DIGEST, summary={}, editors=ids, by=maker)


def test_a_second_person_approves(session: Session, maker: Actor, approver: Actor) -> None:
    approval = decisions.approve(session, submitted(session, maker).id, digest=DIGEST, by=approver)
    assert (approval.state, approval.decided_by) == ("approved", approver.id)


def test_an_editor_does_not_approve(session: Session, maker: Actor, approver: Actor) -> None:
    with pytest.raises(Forbidden, match="another person"):
        decisions.approve(session, submitted(session, maker, approver).id, digest=DIGEST, by=approver)


def test_the_database_refuses_the_maker_too(session: Session, maker: Actor) -> None:
    approval = submitted(session, maker)
    with pytest.raises(IntegrityError, match="four_eyes"):
        session.execute(
            update(Approval)
            .where(Approval.id == approval.id)
            .values(state="approved", decided_by=maker.id, decided_at=clock.now())
        )


def test_a_change_after_submission_is_a_conflict(session: Session, maker: Actor, approver: Actor) -> None:
    with pytest.raises(Conflict, match="changed"):
        decisions.approve(
            session, submitted(session, maker).id, digest=decisions.digest_of({"text": "other"}), by=approver
        )


def test_the_second_factor_must_be_fresh(session: Session, maker: Actor, approver: Actor) -> None:
    stale = replace(approver, factor_at=clock.now() - timedelta(minutes=6))
    with pytest.raises(FactorNeeded):
        decisions.approve(session, submitted(session, maker).id, digest=DIGEST, by=stale)


def test_a_request_expires(session: Session, maker: Actor, approver: Actor) -> None:
    approval = submitted(session, maker)
    late = clock.now() + timedelta(hours=73)
    with clock.at(late), pytest.raises(Conflict, match="expired"):
        decisions.approve(session, approval.id, digest=DIGEST, by=replace(approver, factor_at=late))


def test_nothing_is_decided_twice(session: Session, maker: Actor, approver: Actor) -> None:
    approval = submitted(session, maker)
    decisions.approve(session, approval.id, digest=DIGEST, by=approver)
    with pytest.raises(Conflict, match="decided already"):
        decisions.reject(session, approval.id, note="too late", by=approver)


def test_a_rejection_says_why(session: Session, maker: Actor, approver: Actor) -> None:
    with pytest.raises(Invalid):
        decisions.reject(session, submitted(session, maker).id, note=" ", by=approver)


def test_submitting_again_voids_the_older_request(session: Session, maker: Actor, approver: Actor) -> None:
    first = submitted(session, maker)
    decisions.submit(
        session, (first.subject_kind, first.subject_id), "A thing", digest=DIGEST, summary={}, editors=[], by=maker
    )
    session.expire_all()
    assert decisions.get(session, first.id).state == "void"
