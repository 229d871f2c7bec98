"""Four eyes: nobody approves their own work, in the code and in the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, FactorNeeded, Forbidden, Invalid, NotFound
from app.core.page import Ask
from app.domain.access import users
from app.domain.access.models import Organisation, User
from app.domain.access.permissions import of_role
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit.models import AuditEntry

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


def test_nobody_in_person_approves_nothing(session: Session, organisation: Organisation, maker: Actor) -> None:
    with pytest.raises(Forbidden, match="another person"):
        decisions.approve(session, submitted(session, maker).id, digest=DIGEST, by=system(organisation.id))


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


def acts(session: Session, approval: Approval) -> list[tuple[str, str, object]]:
    """What the trail says of a subject: (who, act, after)."""
    session.commit()
    query = select(AuditEntry).where(AuditEntry.subject_id == str(approval.subject_id)).order_by(AuditEntry.seq)
    return [(entry.actor_name, entry.action, entry.after) for entry in session.execute(query).scalars()]


def test_a_request_keeps_who_asked_what_and_until_when(session: Session, maker: Actor, approver: Actor) -> None:
    other = uuid4()
    now = clock.now()
    subject = ("thing", uuid4())
    with clock.at(now):
        approval = decisions.submit(
            session,
            subject,
            "A thing",
            digest=DIGEST,
            summary={"a": 1},
            editors=[other, other],
            pinned={"b": 2},
            by=maker,
        )
    assert (approval.subject_kind, approval.subject_id, approval.subject_name) == (*subject, "A thing")
    assert (approval.state, approval.digest, approval.summary, approval.pinned) == (
        "pending",
        DIGEST,
        {"a": 1},
        {"b": 2},
    )
    assert (approval.made_by, approval.made_at, approval.expires_at) == (maker.id, now, now + timedelta(hours=72))
    assert approval.editors == sorted([maker.id, other])  # type: ignore[type-var]
    assert approval.needs == "approvals:decide"
    assert acts(session, approval) == [
        ("Maya", "thing.submitted", {"approval": str(approval.id), "digest": DIGEST.hex()})
    ]


def test_nobody_in_person_submits_nothing(session: Session, organisation: Organisation) -> None:
    with pytest.raises(Forbidden, match="Only a person"):
        submitted(session, system(organisation.id))


@pytest.mark.parametrize(("note", "kept"), [("  Fine. ", "Fine."), ("  ", None)])
def test_a_decision_is_written_down(
    session: Session, maker: Actor, approver: Actor, note: str, kept: str | None
) -> None:
    now = clock.now()
    with clock.at(now):
        approval = decisions.approve(session, submitted(session, maker).id, digest=DIGEST, note=note, by=approver)
    assert (approval.state, approval.decided_by, approval.decided_at, approval.note) == (
        "approved",
        approver.id,
        now,
        kept,
    )
    assert acts(session, approval)[-1] == ("Adam", "thing.approved", {"approval": str(approval.id), "note": True})


def test_a_refusal_is_written_down(session: Session, maker: Actor, approver: Actor) -> None:
    approval = decisions.reject(session, submitted(session, maker).id, note=" Too long ", by=approver)
    assert (approval.state, approval.decided_by, approval.note) == ("rejected", approver.id, "Too long")
    assert acts(session, approval)[-1] == ("Adam", "thing.rejected", {"approval": str(approval.id), "note": True})


def test_a_refusal_without_a_word_says_where_the_word_belongs(session: Session, maker: Actor, approver: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        decisions.reject(session, submitted(session, maker).id, note="", by=approver)
    assert [issue.field for issue in refused.value.details] == ["note"]


@pytest.mark.parametrize("verb", [partial(decisions.approve, digest=DIGEST), partial(decisions.reject, note="No")])
def test_who_decides_needs_what_the_request_needs(
    session: Session, organisation: Organisation, maker: Actor, verb: Callable[..., object]
) -> None:
    other = person(session, organisation, "marketer", "will")
    approval = submitted(session, maker)
    with pytest.raises(Forbidden, match="permission"):
        verb(session, approval.id, by=other)
    assert approval.state == "pending"


def test_whose_first_password_one_was_told_is_no_second_pair_of_eyes(
    session: Session, maker: Actor, approver: Actor
) -> None:
    """The author could have signed in as the approver."""
    user = session.get_one(User, approver.id)
    user.told_to, user.told_at = maker.id, clock.now()
    session.flush()
    approval = submitted(session, maker)
    with pytest.raises(Forbidden, match="72 hours"):
        decisions.approve(session, approval.id, digest=DIGEST, by=approver)
    assert decisions.blocked_reason(session, approval, by=approver) == "hands"
    later = clock.now() + timedelta(hours=71, minutes=59)
    with clock.at(later), pytest.raises(Forbidden):
        decisions.approve(session, approval.id, digest=DIGEST, by=replace(approver, factor_at=later))
    user.told_at = clock.now() - timedelta(hours=72, minutes=1)
    session.flush()
    assert decisions.approve(session, approval.id, digest=DIGEST, by=approver).state == "approved"


def test_only_who_asked_takes_it_back(session: Session, maker: Actor, approver: Actor) -> None:
    with pytest.raises(Conflict, match="on the page of what it is about"):
        decisions.withdraw(session, submitted(session, maker).id, by=maker)
    approval = changes.propose(session, Change(("thing", uuid4()), "A thing", "thing.change", "users:write"), by=maker)
    with pytest.raises(Forbidden):
        decisions.withdraw(session, approval.id, by=approver)
    decisions.withdraw(session, approval.id, by=maker)
    session.refresh(approval)
    assert (approval.state, approval.decided_at is not None) == ("void", True)
    assert acts(session, approval)[-1] == ("Maya", "thing.withdrawn", {"approval": str(approval.id)})
    with pytest.raises(Conflict, match="decided already"):
        decisions.approve(session, approval.id, digest=DIGEST, by=approver)


def test_asking_again_asks_for_the_same_in_the_same_name(session: Session, maker: Actor, approver: Actor) -> None:
    first = submitted(session, maker, replace(approver, id=uuid4()))
    first.pinned = {"texts": 1}
    decisions.approve(session, first.id, digest=DIGEST, by=approver)
    again = decisions.ask_again(session, first, summary={"again": {"grown": 7}})
    same = (
        "subject_kind",
        "subject_id",
        "subject_name",
        "digest",
        "pinned",
        "needs",
        "made_by",
        "editors",
        "organisation_id",
    )
    assert {name: getattr(again, name) for name in same} == {name: getattr(first, name) for name in same}
    assert (again.id != first.id, again.state, again.summary) == (True, "pending", {"again": {"grown": 7}})
    assert again.expires_at - again.made_at == decisions.VALID_FOR
    assert acts(session, again)[-1] == (
        "Carillon",
        "thing.asked_again",
        {"approval": str(again.id), "again": {"grown": 7}},
    )
    assert again.pinned == {"texts": 1}
    submitted(session, maker)
    for kind, found in ((again.subject_kind, [again.id, first.id]), ("other", [])):
        assert [one.id for one in decisions.of_subject(session, (kind, again.subject_id))] == found


def test_what_is_open_is_found_until_it_is_decided_or_too_old(session: Session, maker: Actor, approver: Actor) -> None:
    approval, other = submitted(session, maker), submitted(session, maker)
    subject = (approval.subject_kind, approval.subject_id)
    assert decisions.open_request(session, subject) is approval
    assert decisions.open_request(session, ("thing", uuid4())) is None
    assert decisions.open_request(session, ("other", approval.subject_id)) is None
    with clock.at(approval.expires_at):
        assert decisions.open_request(session, subject) is None
        assert decisions.blocked_reason(session, approval, by=approver) == "expired"
    decisions.void(session, ("other", approval.subject_id))
    decisions.void(session, (other.subject_kind, other.subject_id))
    session.refresh(approval)
    assert approval.state == "pending", "only what is about this very thing"
    decisions.approve(session, approval.id, digest=DIGEST, by=approver)
    assert decisions.open_request(session, subject) is None
    decisions.void(session, subject)
    session.refresh(approval)
    assert approval.state == "approved", "what is decided stays decided"


def test_each_sees_what_waits_for_him(session: Session, maker: Actor, approver: Actor) -> None:
    own, open_one = submitted(session, maker, approver), submitted(session, maker)
    late, done = submitted(session, maker), submitted(session, maker)
    late.expires_at = clock.now() - timedelta(seconds=1)
    session.flush()
    decisions.approve(session, done.id, digest=DIGEST, by=approver)
    newer = submitted(session, maker)
    assert [one.id for one in decisions.waiting(session, Ask(), by=approver).items] == [newer.id, open_one.id]
    assert decisions.waiting_for(session, by=approver) == 2
    assert decisions.waiting_for(session, by=maker) == 0
    assert decisions.waiting_for(session, by=system(maker.organisation_id)) == 0
    newest_first = [one.id for one in decisions.listed(session, Ask(), by=maker).items]
    assert newest_first == [newer.id, done.id, late.id, open_one.id, own.id]
    assert [one.id for one in decisions.listed(session, Ask(), by=maker, state="decided").items] == [done.id]
    assert len(decisions.listed(session, Ask(), by=maker, state="pending").items) == 4
    reasons = {one.id: decisions.blocked_reason(session, one, by=approver) for one in (own, open_one, late, done)}
    assert reasons == {own.id: "own", open_one.id: "", late.id: "expired", done.id: "decided"}
    assert decisions.blocked_reason(session, open_one, by=maker) == "own"
    viewer = replace(approver, permissions=frozenset())
    assert decisions.blocked_reason(session, open_one, by=viewer) == "role"


def test_what_was_not_decided_in_time_is_closed(session: Session, maker: Actor) -> None:
    first, second = submitted(session, maker), submitted(session, maker)
    second.expires_at = first.expires_at + timedelta(seconds=1)
    session.flush()
    with clock.at(first.expires_at):
        assert decisions.expire(session) == 1
        assert decisions.expire(session) == 0
    session.refresh(first)
    assert (first.state, first.decided_at, second.state) == ("expired", first.expires_at, "pending")


@pytest.mark.parametrize(
    "verb", [decisions.withdraw, partial(decisions.approve, digest=DIGEST), partial(decisions.reject, note="No")]
)
def test_a_request_that_is_not_there(session: Session, maker: Actor, verb: Callable[..., object]) -> None:
    with pytest.raises(NotFound):
        verb(session, uuid4(), by=maker)
    with pytest.raises(NotFound):
        decisions.get(session, uuid4())


def test_a_digest_is_of_all_of_it_and_of_nothing_else() -> None:
    whole = {"text": "שלום", "at": clock.now().replace(microsecond=0), "list": [1, 2]}
    assert decisions.digest_of(whole) == decisions.digest_of(dict(reversed(whole.items())))
    assert (
        len({decisions.digest_of(one) for one in (whole, {**whole, "list": [2, 1]}, {**whole, "text": "shalom"}, {})})
        == 4
    )
    assert decisions.digest_of({"a": 1}).hex() == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
