"""Organisations of a test's own database, and imports from upload to end in one call."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.transfer import imports, loading
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import

HEAD = "client_id,first_name,email,phone,city,balance\n"
ONE = HEAD + "1,Noa,noa@mail.example,052-2000001,Haifa,1500\n"
BALANCE = "CAST(properties->>'balance' AS numeric)"


def numbers(row: object) -> tuple[int, ...]:
    return tuple(getattr(row, name) for name in ("rows", "created", "updated", "unchanged", "failed"))


@dataclass
class Bank:
    """An organisation whose units of work commit."""

    factory: sessionmaker[Session]
    by: Actor

    def unit(self) -> AbstractContextManager[Session]:
        return unit_of_work(self.factory, self.by)

    def upload(self, content: str | bytes, **options: object) -> UUID:
        """Upload and start, with the guesses unless a mapping is given."""
        with self.unit() as session:
            stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
            row = imports.upload(session, "people.csv", stream, by=self.by)
            chosen = {**imports.suggested(row).model_dump(), **options}
            imports.start(session, row.id, ImportOptions.model_validate(chosen), by=self.by)
            return row.id

    def load(self, content: str | bytes, **options: object) -> Import:
        """Upload, start and carry out."""
        import_id = self.upload(content, **options)
        loading.run(self.unit, import_id)
        return self.row(import_id)

    def row(self, import_id: UUID) -> Import:
        with self.unit() as session:
            return imports.get(session, import_id, by=self.by)

    def one(self, query: str, **values: object) -> object:
        with self.unit() as session:
            return session.execute(text(query), values).scalar()

    def all(self, query: str, **values: object) -> list[tuple[object, ...]]:
        with self.unit() as session:
            return [tuple(row) for row in session.execute(text(query), values)]


@contextmanager
def bank(settings: Settings) -> Iterator[Bank]:
    """A bank in this database."""
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank of Files")).id
    yield Bank(factory, system(organisation_id))
    engine.dispose()
