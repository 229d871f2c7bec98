"""flow-step: a hundred thousand people enter a flow at once, then are due in the same minute, with one worker; beside a plain UPDATE.

The floor moves as many rows of the same table once, with a row of the log each, and does nothing else.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.db import live, make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import users
from app.domain.contacts.models import Contact
from app.domain.flows import runs, starts
from app.domain.flows.models import Flow
from tests.factories import flows, sending
from tests.servers.throwaway import Servers
from tests.speed.crowd import TABLES, fill
from tests.speed.row import Row

WAITING = 1_000_000  # who are in the flow besides, for days to come
MOST_SECONDS_TO_ENTER, MOST_SECONDS_TO_WALK, MOST_MS_AT_REST = 30, 60, 20
_CROWD = """
INSERT INTO flow_runs (organisation_id, flow_id, version_id, contact_id, key, step, due_at, port, arrived_at, entered_at)
SELECT :organisation, :flow, :version, uuidv7(), 'crowd', 'begin', now() + n * interval '1 second' + interval '3 days', 'next', now(), now()
FROM generate_series(1, :number) AS n
"""
_PLAIN = """
WITH moved AS (
  UPDATE flow_runs SET step = 'end', due_at = now() + interval '9 days', visit_id = uuidv7() WHERE flow_id = :flow AND key = '' AND step = 'paid' RETURNING *)
INSERT INTO flow_log (organisation_id, at, flow_id, version_id, run_id, contact_id, step, kind, port)
SELECT organisation_id, now(), flow_id, version_id, id, contact_id, step, 'passed', 'next' FROM moved
"""


def measure(servers: Servers, people: int = 100_000, waiting: int = WAITING) -> Iterator[Row]:
    """Enter, rest, walk."""
    servers.copy("bench_flows")
    settings = Settings.from_env(servers.env("bench_flows", redis=9))
    factory = session_factory(make_engine(settings), settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
        act_as(session, system(organisation_id))
        fill(session, organisation_id, people, reachable=True)
        made = drawn(session)
        flow_id, given = made.id, {"organisation": organisation_id, "flow": made.id, "version": made.version_id}
        session.execute(text(_CROWD), {**given, "number": waiting})
    with make_owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"VACUUM ANALYZE {', '.join(TABLES)}, flow_runs"))
    unit = partial(unit_of_work, factory, system(organisation_id))

    def entered() -> None:
        with unit() as session:
            everybody = select(live(Contact).c.id).where(live(Contact).c.deleted_at.is_(None))
            assert starts.enter(session, session.get_one(Flow, flow_id), everybody, {"type": "api"}) > people * 0.99

    took = timed(entered)
    limit = f"<= {MOST_SECONDS_TO_ENTER} s for 100,000"
    yield Row("flow-step: enter", f"{took:.1f} s", "-", None, limit, took <= MOST_SECONDS_TO_ENTER)
    walk(unit)
    with unit() as session:
        moments = sorted(timed(lambda: runs.are_due(session)) for _ in range(20))
    rest = moments[10] * 1000
    limit = f"<= {MOST_MS_AT_REST} ms, {waiting:,} waiting"
    yield Row("flow-step: at rest", f"{rest:.1f} ms", "-", None, limit, rest <= MOST_MS_AT_REST)
    with clock.at(clock.now() + timedelta(hours=2)):
        took = timed(lambda: walk(unit))
    floor = timed(lambda: plain(unit, flow_id))
    limit = f"<= {MOST_SECONDS_TO_WALK} s for 100,000 through 6"
    yield Row("flow-step: walk", f"{took:.1f} s", f"{floor:.1f} s", took / floor, limit, took <= MOST_SECONDS_TO_WALK)


def drawn(session: Session) -> Flow:
    """Six steps behind a wait: a condition, a text, a draw, a tag for half of them, and a wait for what they do."""
    haifa = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
    return flows.flow(
        session,
        flows.step("begin", "wait", hours=1),
        flows.step(
            "city", "split", [flows.branch("haifa", flows.step("out", "exit"), when=haifa), flows.branch("else")]
        ),
        flows.step("sms", "send_sms", template_id=str(sending.sms_template(session).id)),
        flows.step(
            "half",
            "ab_split",
            [flows.branch("a", flows.step("tag", "tag", add=["half"]), percent=50), flows.branch("b", percent=50)],
        ),
        flows.step("paid", "wait_for", [flows.branch("happened"), flows.branch("timeout")], event="paid"),
    )


def walk(unit: Callable[..., object]) -> None:
    """One worker, until nobody is due."""
    while runs.execute(unit):  # type: ignore[arg-type]
        pass


def plain(unit: Callable[..., object], flow_id: UUID) -> None:
    """The floor."""
    with unit() as session:  # type: ignore[attr-defined]
        session.execute(text(_PLAIN), {"flow": flow_id})


def timed(act: Callable[[], object]) -> float:
    """Seconds of one turn."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
