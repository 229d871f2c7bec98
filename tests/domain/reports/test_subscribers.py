"""Who gets the report of the months: asked for, decided by a second person, left with one click."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.links import Links
from app.core.page import Ask
from app.core.unit import settings_of
from app.domain.access import users
from app.domain.audit.models import AuditEntry
from app.domain.bank.happenings import QualificationCompleted
from app.domain.bank.models import QualificationRun
from app.domain.notices.deliver import _written
from app.domain.notices.models import Notice
from app.domain.reports import by_itself, runs, subscribers
from app.domain.reports.models import ReportRun, Subscriber
from app.domain.reports.subscribers import SubscriberInput
from tests.domain.reports.month import approver, before, november, officer, released, run, take
from tests.factories import people

__all__ = ["approver", "before", "november", "officer", "released", "run", "take"]  # the fixtures of a month
OUTSIDE = "board@trust.example"


def let(session: Session, run: QualificationRun, approver: Actor, by: Actor, **said: Any) -> Subscriber:
    """Somebody asks, a second person lets him."""
    asked = subscribers.ask(session, run.programme_id, SubscriberInput(**said), by=by)
    return subscribers.carry_out(session, asked.id, by=replace(approver, factor_at=clock.now()))


def mailed(session: Session, released: QualificationRun) -> dict[str, Notice]:
    """The report is made by itself; the mails by address."""
    by_itself.on_completed(session, QualificationCompleted(subject=released.id))
    for report in session.execute(select(ReportRun).where(ReportRun.state == "queued")).scalars():
        runs._make(session, report)
    return {mail.address: mail for mail in session.execute(select(Notice)).scalars() if mail.attachments}


def test_who_asked_and_was_let_gets_it_in_his_language_and_form(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    row = let(session, released, approver, officer, address=OUTSIDE, language="he", formats=("pdf",))
    assert (row.is_asked, row.left_at) == (True, None)
    mails = mailed(session, released)
    reports = session.execute(select(ReportRun)).scalars().all()
    assert {one.locale: one.recipients for one in reports}["he"] == [OUTSIDE]
    assert len(mails) == 3, "and those with a hand in the month, as before"
    assert [one["type"] for one in mails[OUTSIDE].attachments] == ["application/pdf"]
    others = [mail for address, mail in mails.items() if address != OUTSIDE]
    assert {len(mail.attachments) for mail in others} == {2}
    for mail in mails.values():
        assert mail.leave_url
        assert mail.leave_url in mail.body
        written = _written(settings_of(session), mail)
        assert written["List-Unsubscribe"] == f"<{mail.leave_url}>"
        assert written["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_nobody_gets_it_before_a_second_person_decided(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    asked = subscribers.ask(session, released.programme_id, SubscriberInput(address=OUTSIDE), by=officer)
    assert OUTSIDE not in mailed(session, released)
    with pytest.raises(Forbidden):
        subscribers.carry_out(session, asked.id, by=replace(officer, factor_at=clock.now()))
    with pytest.raises(Invalid):
        subscribers.ask(session, released.programme_id, SubscriberInput(address="nobody"), by=officer)
    with pytest.raises(Forbidden):
        subscribers.ask(session, released.programme_id, SubscriberInput(), by=people.staff(session, "viewer"))


def test_what_waits_is_not_asked_for_twice_and_another_wish_takes_its_place(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    first = subscribers.ask(session, released.programme_id, SubscriberInput(address=OUTSIDE), by=officer)
    with pytest.raises(Conflict, match="waits for a second person"):
        subscribers.ask(session, released.programme_id, SubscriberInput(address=OUTSIDE), by=officer)
    wanted = SubscriberInput(address=OUTSIDE, language="he")
    second = subscribers.ask(session, released.programme_id, wanted, by=officer)
    session.refresh(first)
    assert (first.state, second.state, second.subject_id) == ("void", "pending", first.subject_id)
    row = subscribers.carry_out(session, second.id, by=replace(approver, factor_at=clock.now()))
    assert (row.id, row.language) == (first.subject_id, "he")
    again = subscribers.ask(session, released.programme_id, SubscriberInput(address=OUTSIDE), by=officer)
    with clock.at(clock.now() + timedelta(minutes=1)):
        subscribers.left_by_link(session, row)
        newer = subscribers.ask(session, released.programme_id, SubscriberInput(address=OUTSIDE), by=officer)
    assert newer.id != again.id, "what was asked for before he left brings nobody back"


def test_who_leaves_by_the_link_of_a_mail_gets_no_more_and_its_owner_is_told(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    let(session, released, approver, officer, address=OUTSIDE)
    url = mailed(session, released)[OUTSIDE].leave_url or ""
    target = Links(settings_of(session)).read(url.rpartition("/")[2], subscribers.LINK)
    assert target is not None
    row = subscribers.by_link(session, target)
    for _twice in range(2):
        subscribers.left_by_link(session, row)
    owner = users.get(session, officer.id or UUID(int=0)).email
    told = [mail for mail in session.execute(select(Notice)).scalars() if OUTSIDE in mail.body]
    assert [mail.address for mail in told] == [owner]
    session.commit()
    acts = session.execute(select(AuditEntry).where(AuditEntry.action == "report.left")).scalars().all()
    assert len(acts) == 1
    assert OUTSIDE not in str(acts[0].after), "an address is not kept for ever"
    with clock.at(clock.now() + timedelta(hours=1)):
        by_itself.on_completed(session, QualificationCompleted(subject=released.id))
        newest = session.execute(select(ReportRun).order_by(ReportRun.id.desc())).scalars().first()
        assert newest is not None
        assert OUTSIDE not in newest.recipients


def test_whoever_leaves_is_not_brought_back_by_an_older_request(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    row = let(session, released, approver, officer, address=OUTSIDE)
    asked = subscribers.ask(
        session, released.programme_id, SubscriberInput(address=OUTSIDE, formats=("pdf",)), by=officer
    )
    subscribers.left_by_link(session, row)
    with pytest.raises(Conflict):
        subscribers.carry_out(session, asked.id, by=replace(approver, factor_at=clock.now()))
    assert row.left_at is not None


def test_who_leaves_while_the_report_is_being_made_gets_none(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    row = let(session, released, approver, officer, address=OUTSIDE)
    by_itself.on_completed(session, QualificationCompleted(subject=released.id))
    subscribers.leave(session, row.id, by=officer)
    assert OUTSIDE not in mailed(session, released)


def test_who_has_a_hand_in_the_month_may_leave_and_come_back(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    mailed(session, released)
    row = subscribers.own(session, released.programme_id, by=approver)
    assert row is not None
    subscribers.leave(session, row.id, by=approver)
    assert subscribers.own(session, released.programme_id, by=approver) is None
    assert row.address not in {one.address for one in subscribers.of_month(session, released, [])}
    gets = subscribers.listed(session, released.programme_id, Ask(), by=officer).items
    assert row.id not in {one.id for one in gets}
    other = people.staff(session, "admin", "second")
    back = let(session, released, other, approver)
    assert (back.id, back.left_at, back.is_asked) == (row.id, None, True)
    with pytest.raises(Conflict):
        subscribers.ask(session, released.programme_id, SubscriberInput(), by=approver)


def test_one_leaves_for_oneself_and_whoever_changes_programmes_for_everybody(
    session: Session, released: QualificationRun, officer: Actor, approver: Actor
) -> None:
    row = let(session, released, approver, officer, address=OUTSIDE)
    auditor = people.staff(session, "auditor")
    with pytest.raises(Forbidden):
        subscribers.leave(session, row.id, by=auditor)
    assert subscribers.leave(session, row.id, by=officer).left_at
