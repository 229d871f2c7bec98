"""An officer, a programme, and a way to take balances and calculate in the test's transaction, in November 2026."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import Actor, system
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.models import Outcome, Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from tests.domain.bank.feed import Feed
from tests.factories import people, sending

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
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
