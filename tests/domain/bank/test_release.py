"""A month from its calculation to everybody who is told: four eyes, once each, whatever happens at the same moment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.approvals.models import Approval
from app.domain.bank import outcomes, overrides, programmes, release, review, sample
from app.domain.bank.models import Notice, Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.bank.review import SubmitInput
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said
from app.domain.messages import sends
from app.domain.messages.models import Message
from app.domain.messages.payload import opened
from app.domain.providers.models import ProviderAccount
from tests.domain.bank.conftest import (
    BAD,
    GOOD,
    HOLE,
    WAIVED,
    WHY,
    Take,
    approved,
    calculated,
    number,
    released,
)
from tests.domain.bank.feed import october, record
from tests.factories import people


def messages(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Message)).scalar_one()


def test_those_who_qualified_are_told_of_the_month_in_their_programme(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    assert run.told == {"queued": 3}
    assert messages(session) == 3
    message = session.execute(select(Message).limit(1)).scalar_one()
    person = session.get_one(Contact, message.contact_id)
    given = opened(vault_of(session), {"id": person.id, "key": person.key}, message.occurrence_id, message.payload)
    assert given == {"month": "October 2026", "programme": "Premium"}


def test_a_second_release_of_a_month_tells_nobody_twice_and_those_who_came_in_by_a_correction(
    session: Session, run: QualificationRun, premium: Programme, take: Take, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    with clock.at(clock.now() + timedelta(hours=1)):
        feed = october({"0": GOOD, "1": BAD, "2": HOLE, "3": GOOD, "4": GOOD})
        feed.records["2026-10-17"].append(record("2", "2026-10-17", "15000.00"))
        take(feed)
        again = calculated(session, premium, officer)
        assert again.version == 2
        assert session.get_one(QualificationRun, run.id).state == "released", "what was released stays so"
        released(session, again, officer, approver)
    assert again.told == {"queued": 1, "already_told": 3}
    assert messages(session) == 4


def test_the_same_customers_are_noted_once_by_two_releases_at_the_same_moment(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, organisation: Organisation
) -> None:
    approved(session, run, officer, approver)
    release.release(session, run.id, by=approver)
    with pytest.raises(Conflict):
        release.release(session, run.id, by=approver)
    while release.make_some(session, run.id):
        pass
    assert not release.make_some(session, run.id)
    assert session.execute(select(func.count()).select_from(Notice)).scalar_one() == 3


def to_tell(session: Session, run: QualificationRun, officer: Actor) -> int:
    return release.to_tell(session, run, release.numbers(session, run, by=officer), by=officer)


def test_batches_go_on_where_they_were_left_and_a_drained_send_opens_again(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 2)
    approved(session, run, officer, approver)
    release.release(session, run.id, by=approver)
    assert to_tell(session, run, officer) == 3, "before the first message is made"
    assert release.make_some(session, run.id)
    assert to_tell(session, run, officer) == 3, "and while they are being made"
    session.execute(Message.__table__.update().values(state="sent"))
    assert sends.close_drained(session) == 1
    assert session.get_one(QualificationRun, run.id).state == "released", "it is not over before all are made"
    assert not release.make_some(session, run.id)
    assert messages(session) == 3
    assert to_tell(session, run, officer) == 3
    [send] = sends.of_source(session, "run", run.id)
    assert send.state == "running"


def test_a_release_is_complete_when_all_are_made_and_nothing_is_left(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    session.execute(Message.__table__.update().values(state="sent"))
    assert sends.close_drained(session) == 1
    [send] = sends.of_source(session, "run", run.id)
    release.on_drained(session, sends.SendDrained(subject=run.id, send=send.id, source_kind="run"))
    assert run.state == "completed"


def test_nobody_approves_a_month_of_his_own_nor_one_he_overrode(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    other = people.staff(session, "bank_officer", "other")
    overrides.override(session, run.id, number(session, "2").id, WHY, by=other)
    review.submit(session, run.id, WAIVED, by=officer)
    for author in (officer, other):
        with pytest.raises(Forbidden):
            review.approve(session, run.id, by=author)
    request = session.get_one(Approval, run.approval_id)
    assert {officer.id, other.id} <= set(request.editors)
    review.approve(session, run.id, by=approver)
    assert run.state == "approved"


def test_who_asked_with_his_key_is_the_author_too(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor
) -> None:
    by_key = replace(officer, kind="key", key_id=officer.id)
    made = calculated(session, premium, by_key)
    assert made.created_by == officer.id


def test_a_gate_that_did_not_pass_needs_a_reason(session: Session, run: QualificationRun, officer: Actor) -> None:
    run.gates = [{"code": "coverage", "value": 90, "limit": 98, "verdict": "block"}]
    with pytest.raises(Invalid) as refused:
        review.submit(session, run.id, SubmitInput(waived={"coverage": "short"}), by=officer)
    assert refused.value.details[0].field == "waived.coverage"


@pytest.mark.parametrize("meddle", ["override", "text", "account"])
def test_what_was_submitted_is_what_is_approved(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, premium: Programme, meddle: str
) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    if meddle == "override":
        run.state = "calculated"
        overrides.override(session, run.id, number(session, "2").id, WHY, by=officer)
        run.state = "in_review"
    elif meddle == "text":
        template = library.get(
            session, programmes.current(session, premium).template_id, by=system(officer.organisation_id)
        )  # type: ignore[arg-type]
        changed = library.as_input(session, template).model_copy(update={"texts": {"en": Said(body="Another text.")}})
        library.update(session, template.id, changed, by=system(officer.organisation_id))
    else:
        session.execute(ProviderAccount.__table__.update().values(sender="OTHERBANK"))
        session.expire_all()
    with pytest.raises(Conflict):
        review.approve(session, run.id, by=approver)


def test_balances_that_come_in_meanwhile_stop_the_decision(
    session: Session, run: QualificationRun, take: Take, officer: Actor, approver: Actor
) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    with clock.at(clock.now() + timedelta(hours=1)):
        feed = october({"0": GOOD, "1": BAD, "2": HOLE, "3": GOOD, "4": GOOD})
        feed.records["2026-10-17"].append(record("2", "2026-10-17", "15000.00"))
        take(feed)
        with pytest.raises(Conflict):
            review.approve(session, run.id, by=approver)


def test_a_new_calculation_takes_the_place_of_one_that_waits(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor, approver: Actor
) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    request = run.approval_id
    calculated(session, premium, officer)
    assert session.get_one(QualificationRun, run.id).state == "superseded"
    assert session.get_one(Approval, request).state == "void"
    with pytest.raises(Conflict):
        review.approve(session, run.id, by=approver)


def test_an_override_counts_in_totals_list_and_filters_and_can_be_taken_back(
    session: Session, run: QualificationRun, officer: Actor
) -> None:
    customer = number(session, "2").id
    overrides.override(session, run.id, customer, WHY, evidence=("statement.pdf", b"%PDF-1.7 seen"), by=officer)
    assert outcomes.totals(session, run) == {
        "customers": 5, "qualified": 4, "not_qualified": 1, "indeterminate": 0, "overridden": 1,
    }  # fmt: skip
    assert len(session.execute(outcomes.qualified(run.id)).all()) == 4
    [stands] = overrides.of_run(session, run.id)
    assert overrides.evidence(session, stands.id, by=officer) == ("statement.pdf", b"%PDF-1.7 seen")
    overrides.withdraw(session, run.id, customer, by=officer)
    assert outcomes.totals(session, run)["overridden"] == 0
    with pytest.raises(NotFound):
        overrides.withdraw(session, run.id, customer, by=officer)


@pytest.mark.parametrize(("name", "content"), [("statement.exe", b"MZ"), ("statement.pdf", b"MZ"), ("", b"%PDF-")])
def test_evidence_is_what_it_says_it_is(
    session: Session, run: QualificationRun, officer: Actor, name: str, content: bytes
) -> None:
    with pytest.raises(Invalid):
        overrides.override(session, run.id, number(session, "2").id, WHY, evidence=(name, content), by=officer)


def test_the_sample_is_read_all_at_once(session: Session, run: QualificationRun, officer: Actor) -> None:
    asked: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, sql, *_: asked.append(sql))
    assert len(sample.of_run(session, run.id, by=officer)) == 5
    assert len(asked) < 5


def test_the_sample_is_the_same_for_everybody_and_its_ticks_are_kept(
    session: Session, run: QualificationRun, officer: Actor
) -> None:
    drawn = sample.of_run(session, run.id, by=officer)
    assert len(drawn) == 5
    sample.check(session, run.id, drawn[0].drawn.contact_id, is_right=True, by=officer)
    assert sample.of_run(session, run.id, by=officer)[0].drawn.checked_by == officer.id
    with pytest.raises(NotFound):
        sample.check(session, run.id, officer.id, is_right=True, by=officer)  # type: ignore[arg-type]


def test_one_stops_a_release_and_two_start_it_again(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor
) -> None:
    released(session, run, officer, approver)
    release.pause(session, run.id, by=officer)
    [send] = sends.of_source(session, "run", run.id)
    session.refresh(send)
    assert (run.state, send.state) == ("paused", "paused")
    asked = release.propose_resume(session, run.id, by=officer)
    with pytest.raises(Forbidden):
        release.carry_out_resume(session, asked.id, by=officer)
    release.carry_out_resume(session, asked.id, by=approver)
    session.refresh(send)
    assert (run.state, send.state) == ("released", "running")


def test_a_month_without_a_text_or_with_nobody_is_not_submitted(
    session: Session, run: QualificationRun, take: Take, officer: Actor, organisation: Organisation
) -> None:
    other = programmes.create(session, ProgrammeInput(name="Silent"), by=system(organisation.id))
    with pytest.raises(Invalid, match="no text"):
        review.submit(session, calculated(session, other, officer).id, WAIVED, by=officer)
    asked = ProgrammeInput(
        name="Rich",
        threshold=99999999,
        template_id=programmes.current(session, session.get_one(Programme, run.programme_id)).template_id,
    )  # type: ignore[arg-type]
    rich = programmes.create(session, asked, by=system(organisation.id))
    with pytest.raises(Invalid, match="Nobody qualified"):
        review.submit(session, calculated(session, rich, officer).id, WAIVED, by=officer)
