"""qualify: a month of balances judged, beside the bare query; a day of balances taken over HTTP, beside COPY of the same rows.

The floor of judging is bool_and over the same rows, which knows no missing day, no correction and no reason, and keeps nothing; by
one processor as ours, because PostgreSQL writes with one. The floor of taking is COPY in batches of the same size into a plain table
with the same columns and indexes, its text made beforehand.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.db import make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.models import BalanceDay, Outcome
from app.domain.bank.programmes import ProgrammeInput
from app.gateways.corebank.http_api import HttpApi
from tests.servers.throwaway import Servers
from tests.speed.crowd import TABLES, fill
from tests.speed.row import Row

OpenUnit = Callable[[], AbstractContextManager[Session]]
TURNS = 3
MOST_SECONDS_AT_100_000 = 5
_DAY = """
INSERT INTO balances (contact_id, day, version, amount, currency, record, source, taken_at, is_current, organisation_id)
SELECT c.id, CAST(:day AS date), 1, c.external_id::int::bigint * 7919 % 100000, 'ILS', c.external_id || :day, 'bench', now(), true, c.organisation_id
FROM contacts c WHERE c.external_id::int % 101 <> 0 OR :number <> 17 ORDER BY c.id
"""
_BARE = """
SELECT count(*) FROM (
  SELECT contact_id, bool_and(amount >= 15000) FROM balances WHERE day >= :first AND day < :after AND is_current GROUP BY contact_id) AS q
"""
_PLAIN = """
CREATE TABLE staging.plain_balances (
  contact_id uuid, day date, version int, amount numeric(18, 2), currency text, record text, source text, taken_at timestamptz,
  is_current boolean, organisation_id uuid, PRIMARY KEY (contact_id, day, version)) WITH (fillfactor = 70);
CREATE UNIQUE INDEX ON staging.plain_balances (contact_id, day) WHERE is_current
"""


def measure(servers: Servers, customers: int = 100_000) -> Iterator[Row]:
    """Seconds of the statement that judges a month, then rows a second of a day that is taken."""
    servers.copy("bench_qualify")
    settings = Settings.from_env(servers.env("bench_qualify", redis=7))
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
        fill(session, organisation_id, customers)
    unit = partial(unit_of_work, factory, system(organisation_id))
    after = clock.today("Asia/Jerusalem").replace(day=1)
    first = (after - timedelta(days=1)).replace(day=1)
    yield judged(settings, unit, organisation_id, first, after, customers)
    yield taken(settings, unit, organisation_id, first - timedelta(days=1), customers)
    engine.dispose()


def judged(settings: Settings, unit: OpenUnit, organisation_id: UUID, first: date, after: date, customers: int) -> Row:
    """The statement of a run and the bare query, in turns; what it wrote is rolled back."""
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    for day in days:
        with unit() as session:
            session.execute(text(_DAY), {"day": day.isoformat(), "number": day.day})
    with unit() as session:
        new = programmes.create(session, ProgrammeInput(name="Premium"), by=system(organisation_id))
        run = qualification.start(session, new.id, first, by=system(organisation_id))
        version = programmes.current(session, new)
        asked = qualification.looks_at(session, first, version) | {"organisation": organisation_id, "run": run.id}
    with make_owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    ours, floors = [], []
    for _ in range(TURNS):
        with unit() as session:
            session.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
            floors.append(timed(lambda: session.execute(text(_BARE), {"first": first, "after": after}).scalar_one()))
        with unit() as session:
            ours.append(timed(partial(session.execute, qualification._SQL["qualify"], asked)))
            session.rollback()
    with unit() as session:
        whole = timed(lambda: qualification.calculate(session, run.id))
        made = len(session.execute(select(Outcome.contact_id).where(Outcome.run_id == run.id)).all())
    best, floor = min(ours), min(floors)
    assert made == customers - customers // 1000, made  # one of a thousand was deleted
    most = MOST_SECONDS_AT_100_000 * max(customers / 100_000, 1)
    said = f"{best:.2f} s ({whole:.1f} whole)"
    return Row(
        "qualify", said, f"{floor:.2f} s", best / floor, f"<= 2 times and < {most:.0f} s", best <= min(2 * floor, most)
    )


def taken(settings: Settings, unit: OpenUnit, organisation_id: UUID, day: date, customers: int) -> Row:
    """A day over HTTP from a core bank in a process of its own, its pages made beforehand."""
    with unit() as session:
        numbers = session.execute(
            text("SELECT external_id, id FROM contacts WHERE deleted_at IS NULL ORDER BY external_id::int")
        ).all()
        for table in TABLES:
            session.connection().exec_driver_sql(f"SELECT refresh_statistics('{table}')")
    base = copied(unit, organisation_id, day, [contact for _number, contact in numbers])
    with core_bank(day, [number for number, _contact in numbers]) as address:
        with unit() as session:
            balances.ask(session, day, day, by=system(organisation_id))
        took = timed(lambda: balances.take_all(unit, lambda: HttpApi(address, "", allow_private=True, read_seconds=30)))
    with unit() as session:
        row = session.execute(select(BalanceDay).where(BalanceDay.day == day)).scalar_one()
        assert (row.state, row.kept, row.issues) == ("taken", len(numbers), 0), (row.state, row.failure, row.kept)
    share = base / took
    target = ">= a third of COPY"
    return Row(
        "balances of a day",
        f"{len(numbers) / took:,.0f}/s",
        f"{len(numbers) / base:,.0f}/s",
        share,
        target,
        share >= 1 / 3,
    )


def copied(unit: OpenUnit, organisation_id: UUID, day: date, contacts: list[UUID]) -> float:
    """The seconds COPY takes, a transaction a batch."""
    lines = [
        f"{contact}\t{day}\t1\t{15000 + n}.00\tILS\t{n}-{day}\tbench\t{day} 20:00+00\tt\t{organisation_id}\n"
        for n, contact in enumerate(contacts)
    ]
    blocks = ["".join(lines[at : at + balances.BATCH]) for at in range(0, len(lines), balances.BATCH)]
    with unit() as session:
        for statement in _PLAIN.split(";\n"):
            session.connection().exec_driver_sql(statement)

    def copy() -> None:
        for block in blocks:
            with unit() as session:
                connection: Any = session.connection().connection.driver_connection
                with connection.cursor().copy("COPY staging.plain_balances FROM STDIN") as into:
                    into.write(block)

    return timed(copy)


class core_bank:  # noqa: N801 - used as a function
    """A core bank that answers with pages made beforehand, as fast as it can."""

    def __init__(self, day: date, numbers: list[str]) -> None:
        self.pages: dict[str, bytes] = {}
        for at in range(0, len(numbers), balances.BATCH):
            some = numbers[at : at + balances.BATCH]
            last = some[-1] if at + balances.BATCH < len(numbers) else None
            items = [
                {
                    "record": f"{number}-{day}", "external_id": number, "date": day.isoformat(),
                    "amount": f"{15000 + int(number)}.00", "currency": "ILS", "version": 1,
                }
                for number in some
            ]  # fmt: skip
            body = {"date": day.isoformat(), "items": items, "next": last}
            self.pages[numbers[at - 1] if at else ""] = json.dumps(body).encode()

    def __enter__(self) -> str:
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe(duplex=False)
        self.process = context.Process(target=self._serve, args=(there,), daemon=True)
        self.process.start()
        return f"http://127.0.0.1:{here.recv()}"

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()

    def _serve(self, told: Any) -> None:
        asyncio.run(self._answer(told))

    async def _answer(self, told: Any) -> None:
        async def page(request: web.Request) -> web.Response:
            return web.Response(body=self.pages[request.query.get("after", "")], content_type="application/json")

        app = web.Application()
        app.add_routes([web.get("/bank/balances", page)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told.send(runner.addresses[0][1])
        await asyncio.Event().wait()


def timed(act: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
