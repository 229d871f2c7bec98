"""The doors of the bank: days are taken through the core bank of the runtime, a run is made."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.bank import balances, programmes, qualification, restrictions
from app.domain.bank.models import BalanceDay, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.consent.models import ContactRestriction
from app.gateways.corebank.base import BalanceFeed, CoreBank, RestrictionRecord
from app.gateways.corebank.memory import Memory
from jobs import bank
from jobs.lanes import lanes
from jobs.runtime import Runtime
from tests.domain.bank.feed import october
from tests.factories import people


@dataclass(frozen=True)
class Fed(Runtime):
    """A runtime whose core bank is in memory."""

    def open_core_bank(self) -> BalanceFeed:  # type: ignore[override]
        return october({"0": ["15000.00"] * 31})


def test_days_are_taken_and_a_month_is_calculated(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(own_settings, pool_size=2)
    here = Fed(own_settings, engine, session_factory(engine, own_settings))
    monkeypatch.setattr(bank, "runtime", lambda: here)
    with clock.at(datetime(2026, 11, 28, 9, tzinfo=UTC)):
        with unit_of_work(here.factory, None) as session:
            organisation_id = users.create_organisation(session, users.NewOrganisation(name="One")).id
            people.contacts(session, 1)
            programme = programmes.create(session, ProgrammeInput(name="Premium"), by=system(organisation_id))
            balances.ask(session, date(2026, 10, 1), date(2026, 10, 31), by=people.staff(session, "bank_officer"))
        bank.take_day(str(organisation_id))
        lanes.wait(60)
        with here.unit(organisation_id) as session:
            assert set(session.execute(select(BalanceDay.state)).scalars()) == {"taken"}
            run = qualification.start(session, programme.id, date(2026, 10, 1), by=system(organisation_id)).id
        bank.calculate(str(organisation_id), str(run))
    with here.unit(organisation_id) as session:
        made = session.get_one(QualificationRun, run)
        assert made.totals == {"customers": 1, "qualified": 1, "not_qualified": 0, "indeterminate": 0}
    engine.dispose()


@dataclass(frozen=True)
class Flagged(Runtime):
    """A runtime whose core bank restricts its first customer."""

    def open_core_bank(self) -> CoreBank:
        return Memory({}, [RestrictionRecord("0", "deceased", None)])


def test_restrictions_are_taken(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine(own_settings, pool_size=2)
    here = Flagged(own_settings, engine, session_factory(engine, own_settings))
    monkeypatch.setattr(bank, "runtime", lambda: here)
    with unit_of_work(here.factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="One")).id
        people.contacts(session, 1)
        restrictions.ask(session, by=people.staff(session, "bank_officer"))
    bank.take_restrictions(str(organisation_id))
    lanes.wait(60)
    with here.unit(organisation_id) as session:
        assert list(session.execute(select(ContactRestriction.flag)).scalars()) == ["deceased"]
    engine.dispose()
