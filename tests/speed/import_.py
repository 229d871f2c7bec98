"""import, import-again: contacts mapped, checked, sealed, deduplicated and indexed, beside COPY of the same rows in clear.

The floor is COPY into one plain table with the same clear columns and the same indexes, its text made beforehand.
"""

import csv
import gzip
import io
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import cycle, islice
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.transfer import demonstration, imports, loading
from tests.servers.throwaway import Servers
from tests.speed.row import Row

OpenUnit = Callable[[], AbstractContextManager[Session]]

FASTEST = 17_000  # rows a second: a million a minute
BLOCK = 5_000
PEOPLE = ("client_id", "first_name", "last_name", "phone", "email", "gender", "language")
_PLAIN = """
CREATE TABLE staging.plain (
  id uuid PRIMARY KEY DEFAULT uuidv7(), organisation_id uuid NOT NULL DEFAULT uuidv7(), external_id text, first_name text,
  last_name text, phone text, email text, gender text, language text, properties jsonb, tags text[] DEFAULT '{}',
  created_at timestamptz DEFAULT now(), UNIQUE (organisation_id, id), UNIQUE (organisation_id, external_id));
CREATE INDEX ON staging.plain USING gin (tags);
CREATE INDEX ON staging.plain (organisation_id, phone);
CREATE INDEX ON staging.plain (organisation_id, email)
"""
_COLUMNS = "external_id, first_name, last_name, phone, email, gender, language, properties"


def measure(servers: Servers, rows: int = 200_000) -> Iterator[Row]:
    """Rows a second of one worker; the first time, and again with the same file."""
    servers.copy("bench_import")
    settings = Settings.from_env(servers.env("bench_import", redis=8))
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
    unit = partial(unit_of_work, factory, system(organisation_id))
    content = people(rows)
    base = floor(unit, content)
    first = imported(unit, organisation_id, content, "created", rows)
    again = imported(unit, organisation_id, content, "unchanged", rows)
    engine.dispose()
    rate, ratio = rows / first, first / base
    fine = rate >= FASTEST and ratio <= 4
    yield Row("import", f"{rate:,.0f}/s", f"{rows / base:,.0f}/s", ratio, f">= {FASTEST:,}/s and <= 4 times", fine)
    yield Row(
        "import-again",
        f"{again:.1f} s",
        f"{first:.1f} s",
        again / first,
        "<= half of the first time",
        again <= first / 2,
    )


def people(rows: int) -> bytes:
    """The example file's rows again and again, each with a person of its own, consent columns left out."""
    with gzip.open(imports.EXAMPLE, "rt", encoding="utf-8", newline="") as packed:
        head, *clients = csv.reader(packed, delimiter=";")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow([*PEOPLE, *head[1:]])
    for number, client in enumerate(islice(cycle(clients), rows), start=1):
        person = demonstration.person(number)
        who = (
            number,
            person.first_name,
            person.last_name,
            person.phone,
            person.email or "",
            person.gender,
            person.language,
        )
        writer.writerow([*who, *client[1:]])
    return out.getvalue().encode()


def imported(unit: OpenUnit, organisation_id: UUID, content: bytes, effect: str, rows: int) -> float:
    """The seconds one import takes, upload not counted."""
    by = system(organisation_id)
    with unit() as session:
        row = imports.upload(session, "people.csv", io.BytesIO(content), by=by)
        options = imports.suggested(row).model_copy(update={"consent": ("sms", "email"), "basis": "form"})
        imports.start(session, row.id, options, by=by)
        import_id = row.id
    began = time.perf_counter()
    loading.run(unit, import_id)
    took = time.perf_counter() - began
    with unit() as session:
        done = imports.get(session, import_id, by=by)
        assert (done.state, getattr(done, effect)) == ("completed", rows), (done.state, done.failure, done.failed)
    return took


def floor(unit: OpenUnit, content: bytes) -> float:
    """The seconds COPY takes for the same rows in clear, in blocks of the same size."""
    head, *lines = content.decode().splitlines()
    keys = head.split(";")[len(PEOPLE) :]
    blocks = ["".join(_plain(line, keys) for line in lines[at : at + BLOCK]) for at in range(0, len(lines), BLOCK)]
    with unit() as session:
        for statement in _PLAIN.split(";\n"):
            session.connection().exec_driver_sql(statement)
    began = time.perf_counter()
    for block in blocks:
        with unit() as session:
            connection = session.connection().connection.driver_connection
            assert connection is not None
            with connection.cursor().copy(f"COPY staging.plain ({_COLUMNS}) FROM STDIN") as copy:
                copy.write(block)
    return time.perf_counter() - began


def _plain(line: str, keys: list[str]) -> str:
    fields = line.split(";")
    told = (f'"{key}":"{value}"' for key, value in zip(keys, fields[len(PEOPLE) :], strict=True) if value)
    return "\t".join([*fields[: len(PEOPLE)], f"{{{','.join(told)}}}"]) + "\n"
