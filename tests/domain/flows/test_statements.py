"""However many wait, asking who is due and claiming them reads an index, and one bank never sees another's people."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.page import Ask
from app.core.sql import load
from app.core.unit import act_as, actor_of
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.flows import deciding, hearing, runs
from app.domain.flows.models import Flow
from tests.factories import people
from tests.factories.flows import enter, flow, places, step, walk

SQL = load("flows/queries.sql")
CROWD = """
INSERT INTO flow_runs (organisation_id, flow_id, version_id, contact_id, step, due_at, waits_for, port, arrived_at, entered_at)
SELECT :organisation, :flow, :version, uuidv7(), 'wait', now() + n * interval '1 minute', :waits_for, 'next', now(), now()
FROM generate_series(1, 20000) AS n
"""


@pytest.fixture
def crowded(session: Session, organisation: Organisation) -> Flow:
    made = flow(session, step("wait", "wait", days=1))
    for waits_for in (None, "event:paid", "call"):
        given = {"organisation": organisation.id, "flow": made.id, "version": made.version_id, "waits_for": waits_for}
        session.execute(text(CROWD), given)
    return made


def plan(session: Session, name: str, **values: object) -> str:
    return "\n".join(session.execute(text(f"EXPLAIN {SQL[name].text}"), values).scalars())


def test_who_is_due_is_found_in_an_index(session: Session, crowded: Flow) -> None:
    own = {"organisation": actor_of(session).organisation_id, "now": clock.now()}
    assert "ix_flow_runs_due" in plan(session, "due_steps", **own)
    assert "ix_flow_runs_calls" in plan(session, "calls_are_due", **own)
    claim = {"version": crowded.version_id, "step": "wait", "zone": "UTC", "most": 1000, "now": clock.now()}
    assert "ix_flow_runs_step" in plan(session, "claim", **claim)
    assert "Seq Scan on flow_runs" not in plan(session, "runs_of", contacts=[UUID(int=1)], since=clock.now())


def test_a_page_of_those_who_wait_for_a_decision_reads_an_index_in_its_order(session: Session, crowded: Flow) -> None:
    given = {"organisation": crowded.organisation_id, "flow": crowded.id, "version": crowded.version_id}
    session.execute(text(CROWD), {**given, "waits_for": "review"})
    heard: list[tuple[str, Any]] = []
    event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, *said: heard.append(said[:2]))
    deciding.waiting(session, Ask(per_page=50), flow_id=crowded.id, by=people.staff(session, "viewer"))
    [asked] = [(sql, given) for sql, given in heard if "ORDER BY flow_runs.due_at" in sql]
    found = "\n".join(session.connection().exec_driver_sql(f"EXPLAIN {asked[0]}", asked[1]).scalars())
    assert "ix_flow_runs_deadline" in found
    assert "Sort" not in found


def test_one_bank_never_moves_the_people_of_another(session: Session, organisation: Organisation) -> None:
    mine = flow(session, step("wait", "wait", hours=1))
    enter(session, mine, people.contacts(session, 2))
    walk(session)
    with clock.at(clock.now() + timedelta(hours=2)):
        other = users.create_organisation(session, users.NewOrganisation(name="Another bank"))
        act_as(session, system(other.id))
        assert not runs.are_due(session)
        assert runs.walk_some(session) == 0
        assert hearing.hear(session) == 0
        theirs = flow(session, step("wait", "wait", hours=1))
        assert enter(session, theirs, [mine.id]) == 0, "nobody of theirs has this id"
        act_as(session, system(organisation.id))
        assert places(session, mine) == {"wait": 2}
        walk(session)
    assert places(session, mine) == {"finished": 2}
