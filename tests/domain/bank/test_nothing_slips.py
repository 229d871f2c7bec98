"""What may happen between the review of a month and its last message, and must not slip through."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from threading import Event, Thread
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.errors import Conflict, Forbidden
from app.core.settings import Settings
from app.core.sql import load
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.access.keyring import vault_of
from app.domain.approvals.models import Approval
from app.domain.bank import balances, overrides, release, review
from app.domain.bank.models import BalanceFile, Notice, Programme, ProgrammeVersion, QualificationRun
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.messages import sends
from app.domain.messages.models import Message
from app.domain.messages.payload import opened
from tests.domain.bank.conftest import (
    FIRST,
    GOOD,
    HOLE,
    WAIVED,
    WHY,
    Take,
    approved,
    calculated,
    number,
    released,
    telling,
)
from tests.domain.bank.feed import Feed, october, record
from tests.factories import people

NOVEMBER = date(2026, 11, 1)


def of_november(*more: object) -> Feed:
    """The first of November, and what the core bank says of earlier days with it."""
    return Feed({"2026-11-01": [record("0", "2026-11-01", "15000.00"), *more]})  # type: ignore[list-item]


@pytest.fixture
def correction() -> Feed:
    """A day of October corrected in the batch of a day of November."""
    return of_november(record("0", "2026-10-09", "1.00", version=2))


def test_a_correction_that_comes_with_a_later_day_stops_the_decision(
    session: Session, run: QualificationRun, take: Take, correction: Feed, officer: Actor, approver: Actor
) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    with clock.at(clock.now() + timedelta(hours=1)):
        take(correction, NOVEMBER, NOVEMBER)
        assert review.is_stale(session, run)
        with pytest.raises(Conflict):
            review.approve(session, run.id, by=approver)


def test_a_later_day_without_a_correction_stops_nothing(
    session: Session, run: QualificationRun, take: Take, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    with clock.at(clock.now() + timedelta(hours=1)):
        take(of_november(), NOVEMBER, NOVEMBER)
        release.release(session, run.id, by=approver)
    assert run.state == "released"


def test_a_month_that_is_told_again_as_it_is_stops_nothing(
    session: Session, run: QualificationRun, take: Take, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    with clock.at(clock.now() + timedelta(hours=1)):
        take(october({"0": GOOD, "3": GOOD, "4": GOOD}))
        assert not review.is_stale(session, run)


def test_whether_a_month_still_stands_is_asked_without_reading_its_balances(
    session: Session, run: QualificationRun
) -> None:
    """The page of a review asks it again and again; 100,000 customers have three million balances."""
    asked = {"organisation": run.organisation_id, "first": FIRST, "after": NOVEMBER, "moment": run.calculated_at}
    session.execute(text("SET LOCAL enable_seqscan = off"))  # the table is small in a test
    plan = "\n".join(
        session.execute(text(f"EXPLAIN {load('bank/queries.sql')['changed_since'].text}"), asked).scalars()
    )
    assert "pk_balance_marks" in plan
    assert not re.search(r"\bon balances", plan)


def test_balances_that_come_in_after_the_approval_stop_the_release(
    session: Session, run: QualificationRun, take: Take, correction: Feed, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    with clock.at(clock.now() + timedelta(hours=1)):
        take(correction, NOVEMBER, NOVEMBER)
        with pytest.raises(Conflict, match="came in"):
            release.release(session, run.id, by=approver)


def test_a_programme_that_is_called_otherwise_stops_the_decision(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor, approver: Actor
) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    premium.name = "Something else"
    session.flush()
    with pytest.raises(Conflict):
        review.approve(session, run.id, by=approver)


def test_customers_are_told_the_name_that_was_approved(
    session: Session, run: QualificationRun, premium: Programme, officer: Actor, approver: Actor
) -> None:
    approved(session, run, officer, approver)
    release.release(session, run.id, by=approver)
    premium.name = "Something else"
    session.flush()
    while release.make_some(session, run.id):
        pass
    for message in session.execute(select(Message)).scalars():
        person = session.get_one(Contact, message.contact_id)
        given = opened(vault_of(session), {"id": person.id, "key": person.key}, message.occurrence_id, message.payload)
        assert given["programme"] == "Premium"


@pytest.mark.parametrize("part", ["override taken back", "rule", "file"])
def test_whoever_had_a_hand_in_a_month_does_not_approve_it(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, part: str
) -> None:
    assert approver.id is not None
    if part == "override taken back":
        customer = number(session, "2").id
        made = overrides.override(session, run.id, customer, WHY, by=officer)
        overrides.withdraw(session, run.id, customer, by=officer)
        made.withdrawn_by = approver.id
    elif part == "rule":
        asked = session.get_one(ProgrammeVersion, run.programme_version_id)
        run.programme_version_id = _by(session, asked, approver).id
    else:
        session.add(
            BalanceFile(
                organisation_id=run.organisation_id, day=FIRST, name="day.csv", digest="0" * 64, is_signed=False, rows=1,
                control_total=1, state="taken", created_by=approver.id, created_at=clock.now(),
            )
        )  # fmt: skip
    session.flush()
    review.submit(session, run.id, WAIVED, by=officer)
    assert approver.id in session.get_one(Approval, run.approval_id).editors
    with pytest.raises(Forbidden):
        review.approve(session, run.id, by=approver)


def _by(session: Session, asked: ProgrammeVersion, author: Actor) -> ProgrammeVersion:
    names = (
        "organisation_id",
        "programme_id",
        "threshold",
        "currency",
        "rule",
        "calendar",
        "carry_days",
        "template_id",
    )
    same = {name: getattr(asked, name) for name in names}
    made = ProgrammeVersion(**same, number=asked.number + 1, created_by=author.id, created_at=clock.now())
    session.add(made)
    session.flush()
    return made


def test_a_stopped_release_stays_stopped_when_more_of_its_messages_are_made(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 2)
    approved(session, run, officer, approver)
    release.release(session, run.id, by=approver)
    assert release.make_some(session, run.id)
    session.execute(update(Message).values(state="sent"))
    assert sends.close_drained(session) == 1
    release.pause(session, run.id, by=officer)
    session.expire_all()
    release.make_some(session, run.id)
    [send] = sends.of_source(session, "run", run.id)
    assert send.state == "paused"
    asked = release.propose_resume(session, run.id, by=officer)
    release.carry_out_resume(session, asked.id, by=approver)
    session.refresh(send)
    assert (send.state, run.state) == ("running", "released")


def test_customers_who_share_a_phone_get_one_message_of_a_release_whichever_batch_they_are_in(
    session: Session, run: QualificationRun, officer: Actor, approver: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 1)
    one, other = number(session, "0").id, number(session, "4").id
    phone = ContactAddress.kind == "phone"
    blind = session.execute(select(ContactAddress.blind).where(ContactAddress.contact_id == one, phone)).scalar_one()
    session.execute(update(ContactAddress).where(ContactAddress.contact_id == other, phone).values(blind=blind))
    released(session, run, officer, approver)
    assert run.told == {"queued": 2, "duplicate_address": 1}


@pytest.fixture
def own(own_settings: Settings) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(own_settings)
    yield session_factory(engine, own_settings)
    engine.dispose()


def test_two_releases_of_a_month_at_the_same_moment_tell_everybody_once(
    own: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BATCH", 2)
    by, first, second = _two_released(own)
    begun, ends = Event(), Event()

    def slowly() -> None:
        with unit_of_work(own, by) as session:
            release.make_some(session, first)
            begun.set()
            ends.wait(1)

    threads = [Thread(target=slowly)]
    threads[0].start()
    assert begun.wait(20)
    threads.append(Thread(target=release.make_all, args=(partial(unit_of_work, own, by), second)))
    threads[1].start()
    for thread in threads:
        thread.join()
    release.make_all(partial(unit_of_work, own, by), first)
    with unit_of_work(own, by) as session:
        told = session.execute(select(Notice.contact_id)).scalars().all()
        written = session.execute(select(Message.contact_id)).scalars().all()
        assert len(told) == len(set(told)) == 5
        assert sorted(written) == sorted(told)


def _two_released(own: sessionmaker[Session]) -> tuple[Actor, UUID, UUID]:
    """Two released runs of a month; in the second one customer more qualified."""
    with unit_of_work(own, None) as session:
        by = system(users.create_organisation(session, users.NewOrganisation(name="Bank of the Races")).id)
        officer, approver = people.staff(session, "bank_officer"), people.staff(session, "admin")
        people.contacts(session, 5)
        premium = telling(session, by)
        feed = october({"0": GOOD, "1": GOOD, "2": GOOD, "3": GOOD, "4": HOLE})
        for day, items in feed.records.items():
            balances.keep(session, date.fromisoformat(day), items, source="core_bank")
        runs = []
        for is_second in (False, True):
            run = calculated(session, premium, officer)
            if is_second:
                overrides.override(session, run.id, number(session, "4").id, WHY, by=officer)
            approved(session, run, officer, approver)
            release.release(session, run.id, by=approver)
            runs.append(run.id)
    return by, runs[0], runs[1]
