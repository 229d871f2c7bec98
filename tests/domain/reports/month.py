"""A month of forty-three customers from its balances to its messages, and the month before it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.bank import programmes, qualification, release, review
from app.domain.bank.models import Outcome, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.messages import sends
from app.domain.messages.models import Message
from tests.domain.bank.conftest import BODY, FIRST, WAIVED, Take, november, officer, take
from tests.domain.bank.feed import october
from tests.factories import people, sending

__all__ = ["november", "officer", "take"]  # the fixtures of the bank

GOOD: list[str | None] = ["15000.00"] * 31
QUALIFIED, ONE_DAY, THREE_DAYS, HOLES = 25, 12, 4, 2


def month_of_all() -> dict[str, list[str | None]]:
    """Forty-three customers: most qualify, some miss one day, a few more, two have a day without a value."""
    one_day = [*GOOD[:8], "14000.00", *GOOD[9:]]
    three_days = ["1.00", "1.00", "1.00", *GOOD[3:]]
    hole = [*GOOD[:16], None, *GOOD[17:]]
    kinds = [GOOD] * QUALIFIED + [one_day] * ONE_DAY + [three_days] * THREE_DAYS + [hole] * HOLES
    return {str(number): days for number, days in enumerate(kinds)}


@pytest.fixture
def approver(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "admin")


@pytest.fixture
def run(session: Session, organisation: Organisation, take: Take, officer: Actor) -> QualificationRun:
    by = system(organisation.id)
    said = TemplateInput(name="Month", channel="sms", message_class="service", texts={"en": Said(body=BODY)})
    template = library.create(session, said, by=by)
    sending.account(session)
    premium = programmes.create(session, ProgrammeInput(name="Premium", template_id=template.id), by=by)
    people.contacts(session, 43)
    take(october(month_of_all()))
    made = qualification.start(session, premium.id, FIRST, by=officer)
    qualification.calculate(session, made.id)
    session.flush()
    return made


@pytest.fixture
def released(session: Session, run: QualificationRun, officer: Actor, approver: Actor) -> QualificationRun:
    """Told, but for two without an address that takes an SMS."""
    session.execute(
        text(
            "DELETE FROM contact_addresses WHERE kind = 'phone' AND contact_id IN (SELECT id FROM contacts WHERE external_id IN ('0', '1'))"
        )
    )
    review.submit(session, run.id, WAIVED, by=officer)
    with clock.at(clock.now() + timedelta(minutes=5)):
        review.approve(session, run.id, note="Looked at", by=replace(approver, factor_at=clock.now()))
    release.release(session, run.id, by=approver)
    while release.make_some(session, run.id):
        pass
    return run


def handed_over(session: Session, run: QualificationRun, **states: int) -> None:
    """So many of the messages become what is said, the rest is delivered, and the run is told that all went out."""
    queued = list(
        session.execute(select(Message).where(Message.state == "queued").order_by(Message.contact_id)).scalars()
    )
    for state, number in states.items():
        for message in [queued.pop() for _ in range(number)]:
            message.state, message.reason = state, {"failed": "invalid_number"}.get(state)
            message.sent_at = message.final_at = clock.now()
    for message in queued:
        message.state, message.parts, message.attempts = "delivered", 1, 1
        message.sent_at, message.final_at = clock.now(), clock.now() + timedelta(seconds=40)
    session.flush()
    sends.close_drained(session)
    for send in sends.of_source(session, "run", run.id):
        release.on_drained(session, sends.SendDrained(subject=run.id, send=send.id, source_kind="run"))


@pytest.fixture
def before(session: Session, run: QualificationRun) -> QualificationRun:
    """September: the first twenty and the first of those who now missed a day had qualified."""
    earlier = QualificationRun(
        organisation_id=run.organisation_id, programme_id=run.programme_id, programme_version_id=run.programme_version_id,
        month=date(2026, 9, 1), version=1, state="completed", created_at=clock.now(), calculated_at=clock.now(),
        totals={"customers": 43, "qualified": 21, "not_qualified": 22, "indeterminate": 0},
    )  # fmt: skip
    session.add(earlier)
    session.flush()
    for number, contact in session.execute(select(Contact.external_id, Contact.id)).all():
        kept = int(number) < 20 or int(number) == QUALIFIED
        session.add(
            Outcome(
                organisation_id=run.organisation_id, run_id=earlier.id, contact_id=contact, days_passed=30, days_required=30,
                outcome="qualified" if kept else "not_qualified", missing=[] if kept else [date(2026, 9, 17)],
            )
        )  # fmt: skip
    session.flush()
    return earlier
