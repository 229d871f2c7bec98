"""What customers of the demonstration bank do on its site; and as many customers and events as somebody wants to look at."""

import gzip
from functools import partial
from tempfile import TemporaryFile
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.errors import Conflict, mark
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.demo.bank import Bank, Step
from app.domain.access.models import Organisation
from app.domain.events import sample
from app.domain.transfer import imports, loading

EVENTS, PEOPLE = 30_000, 400
KNOWN = 5  # columns of the example that are known of a new customer
HIGHEST = text(
    "SELECT COALESCE(max(CAST(external_id AS bigint)), 0) FROM live.contacts WHERE external_id ~ '^[0-9]{1,15}$'"
)


def story(bank: Bank) -> list[Step]:
    """Sixty days of visits of some hundred customers."""
    return [(bank.now, partial(_visit, bank, EVENTS, PEOPLE))]


def _visit(bank: Bank, events: int, people: int) -> None:
    sample.make_up(bank.open_unit, events, people=people, by=system(bank.organisation_id))


def more(factory: sessionmaker[Session], settings: Settings, *, contacts: int, events: int) -> None:
    """Give the demonstration bank so many customers and events more. Raises Conflict where there is none."""
    bank = Bank(factory, settings, clock.now(), _demonstration(factory))
    if contacts:
        _join(bank, contacts)
    if events:
        with bank.open_unit() as session:
            people = session.execute(text("SELECT count(*) FROM live.contacts")).scalar_one()
        _visit(bank, events, people)


def _demonstration(factory: sessionmaker[Session]) -> UUID:
    with unit_of_work(factory, None) as session:
        ids: list[UUID] = list(session.execute(text("SELECT organisation_ids()")).scalars())
    for one in ids:
        with unit_of_work(factory, system(one)) as session:
            if session.get_one(Organisation, one).is_demo:
                return one
    raise Conflict(mark("There is no demonstration bank here."))


def _join(bank: Bank, number: int) -> None:
    """Rows of the example again and again under numbers that follow, imported as every file is."""
    with bank.open_unit() as session:
        start = session.execute(HIGHEST).scalar_one()
    with gzip.open(imports.EXAMPLE, "rt", encoding="utf-8") as packed:
        head, *rows = (line.rstrip("\n").split(";", KNOWN)[:KNOWN] for line in packed)
    with TemporaryFile() as file, bank.by("marketer") as (session, by):
        file.write(f"{';'.join(head)}\n".encode())
        for n in range(number):
            file.write(f"{start + n + 1};{';'.join(rows[n % len(rows)][1:])}\n".encode())
        file.seek(0)
        row = imports.upload(session, "more-customers.csv", file, by=by)
        options = imports.suggested(row).model_copy(update={"demonstration": True})
        import_id = imports.start(session, row.id, options, by=by).id
    loading.run(bank.open_unit, import_id)
