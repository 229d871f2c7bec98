"""The months of the demonstration bank are made by what the product does, and left to whoever takes them into his hands."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app import demo
from app.core import clock
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.demo import months
from app.demo.bank import actor_of
from app.domain.bank import balances, programmes, qualification, review
from app.domain.bank.models import BalanceCheck, QualificationRun
from tests.domain.bank.feed import Feed, record
from tests.factories import people
from tests.test_demo import organisation

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


class Demo:
    """A small bank of three customers whose months are asked for."""

    def __init__(self, settings: Settings, factory: sessionmaker[Session]) -> None:
        demo.load(factory, settings, empty=True, months=True)
        self.unit = partial(unit_of_work, factory, system(organisation(factory)))
        months._over.clear()
        with self.unit() as session:
            people.contacts(session, 3)

    def taken(self) -> None:
        days = [NOW.date() - timedelta(days=n) for n in range(90)]
        told = {
            f"{day}": [
                record("0", f"{day}", "20000.00"),
                record("1", f"{day}", "9000.00"),
                record("2", f"{day}", "20000.00"),
            ]
            for day in days
        }
        balances.take_all(self.unit, lambda: Feed(told))

    def go_on(self, seconds: float = 0) -> dict[str, str]:
        """The sweeper and the workers come by so much later: the months and their states."""
        with clock.at(NOW + timedelta(seconds=seconds)):
            with self.unit() as session:
                months.go_on(session)
            with self.unit() as session:
                for run_id in qualification.waiting(session):
                    qualification.calculate(session, run_id)
            with self.unit() as session:
                found = session.execute(select(QualificationRun).order_by(QualificationRun.id)).scalars()
                return {f"{run.month:%Y-%m} {run.version}": run.state for run in found}


@pytest.fixture
def bank(own_settings: Settings) -> Iterator[Demo]:
    settings = replace(own_settings, sandbox_url="http://127.0.0.1:9", sandbox_smtp="127.0.0.1:9")
    engine = make_engine(settings)
    with clock.at(NOW):
        yield Demo(settings, session_factory(engine, settings))
    engine.dispose()


def test_one_month_is_told_and_one_waits_for_its_review(bank: Demo) -> None:
    with bank.unit() as session:
        check = session.execute(select(BalanceCheck)).scalar_one()
        assert (f"{check.first}", f"{check.last}") == ("2026-09-01", "2026-10-31")
        making = balances.unfinished(session, by=system(check.organisation_id))
        assert making is not None
        assert making[1].days == 61
    assert bank.go_on() == {}, "nothing before the days are there"
    bank.taken()
    assert bank.go_on() == {"2026-09 1": "calculated", "2026-10 1": "calculated"}
    assert bank.go_on(5) == {"2026-09 1": "in_review", "2026-10 1": "calculated"}
    assert bank.go_on(60) == {"2026-09 1": "in_review", "2026-10 1": "calculated"}, "an approver reads"
    assert bank.go_on(120) == {"2026-09 1": "released", "2026-10 1": "calculated"}
    assert bank.go_on(125) == {"2026-09 1": "released", "2026-10 1": "calculated"}
    with bank.unit() as session:
        assert balances.unfinished(session, by=system(check.organisation_id)) is None
        assert check.organisation_id in months._over


def test_a_month_that_somebody_has_calculated_is_his(bank: Demo) -> None:
    bank.taken()
    with bank.unit() as session:
        owner = system(organisation_id=actor_of(session, "owner").organisation_id)
        for month in ("2026-09-01", "2026-10-01"):
            programme = programmes.listed(session, by=owner)[0]
            qualification.start(session, programme.id, datetime.fromisoformat(month).date(), by=owner)
    for seconds in (0, 120, 240):
        assert bank.go_on(seconds) == {"2026-09 1": "calculated", "2026-10 1": "calculated"}


def test_a_month_that_was_taken_back_or_calculated_again_is_left(bank: Demo) -> None:
    bank.taken()
    bank.go_on()
    assert bank.go_on(5)["2026-09 1"] == "in_review"
    with bank.unit() as session:
        run = session.execute(select(QualificationRun).where(QualificationRun.state == "in_review")).scalar_one()
        review.withdraw(session, run.id, by=actor_of(session, "bank_officer"))
    assert bank.go_on(200)["2026-09 1"] == "calculated"
    with bank.unit() as session:
        officer = actor_of(session, "bank_officer")
        qualification.start(session, run.programme_id, run.month, by=officer)
    months._over.clear()
    assert bank.go_on(400) == {"2026-09 1": "superseded", "2026-09 2": "calculated", "2026-10 1": "calculated"}
    assert bank.go_on(600)["2026-09 2"] == "calculated"


def test_days_that_somebody_takes_again_at_the_same_time_are_taken_once(bank: Demo) -> None:
    with bank.unit() as session:
        officer = actor_of(session, "bank_officer")
        balances.ask(session, NOW.date().replace(month=9, day=1), NOW.date().replace(month=9, day=30), by=officer)
    assert bank.go_on() == {}
    bank.taken()
    assert bank.go_on() == {"2026-09 1": "calculated", "2026-10 1": "calculated"}


def test_a_bank_that_asked_for_no_months_has_none(own_settings: Settings) -> None:
    settings = replace(own_settings, sandbox_url="http://127.0.0.1:9", sandbox_smtp="127.0.0.1:9")
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    demo.load(factory, settings, empty=True)
    with unit_of_work(factory, system(organisation(factory))) as session:
        months.go_on(session)
        assert session.execute(select(BalanceCheck)).first() is None
    engine.dispose()
