"""An officer, a programme, and a way to take balances and calculate in the test's transaction, in November 2026."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import Actor, system
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.bank import balances, programmes, qualification, release, review
from app.domain.bank.models import Outcome, Programme, QualificationRun
from app.domain.bank.overrides import OverrideInput
from app.domain.bank.programmes import ProgrammeInput
from app.domain.bank.review import SubmitInput
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from tests.domain.bank.feed import Feed, october
from tests.factories import people, sending

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
GOOD = ["15000.00"] * 31
BAD = [*GOOD[:8], "14000.00", *GOOD[9:]]
HOLE = [*GOOD[:16], None, *GOOD[17:]]
BODY = "Dear {{ contact.first_name | default: 'customer' }}, {{ values.month }} was a month of {{ values.programme }}."
WHY = OverrideInput(outcome="qualified", reason="The core bank was down; seen on the statement.")
WAIVED = SubmitInput(
    waived=dict.fromkeys(("days_complete", "coverage", "worst_day", "conflicts"), "Looked at with the core bank.")
)
Take = Callable[..., None]
Judge = Callable[..., dict[str, Outcome]]


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with clock.at(datetime(2026, 11, 28, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def officer(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "bank_officer")


@pytest.fixture
def programme(session: Session, organisation: Organisation) -> Programme:
    return programmes.create(session, ProgrammeInput(name="Premium"), by=system(organisation.id))


@pytest.fixture
def take(session: Session, factory: sessionmaker[Session], organisation: Organisation, officer: Actor) -> Take:
    """Ask for days and take them."""

    def go(feed: Feed, first: date = FIRST, last: date = LAST) -> None:
        balances.ask(session, first, last, by=officer)
        session.commit()
        unit = sending.alone(partial(unit_of_work, factory, system(organisation.id)))
        balances.take_all(unit, lambda: feed)
        session.expire_all()

    return go


@pytest.fixture
def judge(session: Session, officer: Actor) -> Judge:
    """Calculate October; the outcomes by customer number."""

    def go(programme: Programme) -> dict[str, Outcome]:
        run = qualification.start(session, programme.id, FIRST, by=officer)
        qualification.calculate(session, run.id)
        session.flush()
        session.expire_all()
        query = (
            select(Contact.external_id, Outcome)
            .join(Contact, Contact.id == Outcome.contact_id)
            .where(Outcome.run_id == run.id)
        )
        return {str(number): outcome for number, outcome in session.execute(query)}

    return go


def newest(session: Session) -> QualificationRun:
    return session.execute(select(QualificationRun).order_by(QualificationRun.id.desc()).limit(1)).scalar_one()


@pytest.fixture
def approver(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "admin")


@pytest.fixture
def premium(session: Session, organisation: Organisation) -> Programme:
    return telling(session, system(organisation.id))


def telling(session: Session, by: Actor) -> Programme:
    """A programme that tells those who qualify, with a service message."""
    text = TemplateInput(name="Month", channel="sms", message_class="service", texts={"en": Said(body=BODY)})
    template = library.create(session, text, by=by)
    sending.account(session)
    return programmes.create(session, ProgrammeInput(name="Premium", template_id=template.id), by=by)


@pytest.fixture
def run(session: Session, premium: Programme, take: Take, officer: Actor) -> QualificationRun:
    """October of five customers: three qualified, one did not, one has a day without a value."""
    people.contacts(session, 5)
    take(october({"0": GOOD, "1": BAD, "2": HOLE, "3": GOOD, "4": GOOD}))
    return calculated(session, premium, officer)


def calculated(session: Session, programme: Programme, officer: Actor) -> QualificationRun:
    made = qualification.start(session, programme.id, FIRST, by=officer)
    qualification.calculate(session, made.id)
    session.flush()
    session.expire_all()
    return newest(session)


def approved(session: Session, run: QualificationRun, officer: Actor, approver: Actor) -> None:
    review.submit(session, run.id, WAIVED, by=officer)
    review.approve(session, run.id, by=replace(approver, factor_at=clock.now()))


def released(session: Session, run: QualificationRun, officer: Actor, approver: Actor) -> None:
    approved(session, run, officer, approver)
    release.release(session, run.id, by=approver)
    while release.make_some(session, run.id):
        pass


def number(session: Session, which: str) -> Contact:
    return session.execute(select(Contact).where(Contact.external_id == which)).scalar_one()
