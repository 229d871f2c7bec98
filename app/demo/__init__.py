"""The demonstration bank: a composition of the product's own verbs, for a fresh installation on this machine.

    staff.py      organisation, people, providers
    bank.py       the units of work that everything below is made with, and a clock that is held in the past
    customers.py  contacts and segments
    texts.py      what is written to them
    campaigns.py  what was sent, what waits, what is scheduled
    flows.py      two flows that run, with people on their way in them
    mail.py       what became of it: handed over, delivered, read, clicked, refused
    visits.py     what customers do on the bank's site; as many customers and events more as somebody wants
    months.py     two months of the bank, made by the workers after the start

Nothing here writes a table by itself: what the bank shows was imported, approved, launched, dispatched and read as everything else
is, only earlier; visits alone are made up, by the set. Load it before the workers run: they would take its old messages for
late ones.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.demo import campaigns, customers, flows, staff, texts, visits
from app.demo import months as make_months
from app.demo.bank import OPENED, Bank
from app.domain.bank import programmes
from app.domain.bank.programmes import ProgrammeInput
from app.domain.content import library


def load(
    factory: sessionmaker[Session], settings: Settings, *, empty: bool = False, months: bool = False
) -> dict[str, object] | None:
    """Make the bank and, unless it is to be `empty`, its life; what has to be written down, or None if there is one already.

    With `months` the balances of the last two are asked for, and the workers make the rest of them.
    """
    with unit_of_work(factory, None) as session:
        if session.execute(text("SELECT organisation_ids()")).first():
            return None
    bank = Bank(factory, settings, clock.now())
    with clock.at(bank.now if empty else bank.moment(OPENED)), unit_of_work(factory, None) as session:
        bank.organisation_id, access = staff.hire(session, settings)
        by = system(bank.organisation_id)
        told = library.create(session, texts.MONTH, by=by)
        programmes.create(session, ProgrammeInput(name="Premium", template_id=told.id, accounts=("current",)), by=by)
    if not empty:
        for moment, act in sorted(
            [step for part in (customers, texts, campaigns, flows, visits) for step in part.story(bank)],
            key=lambda step: step[0],
        ):
            with clock.at(moment):
                act()
    if months:
        make_months.ask(bank)
    return access
