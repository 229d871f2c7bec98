"""Whatever judges a month does it by the set: a loop over what the planner believes to be few took minutes."""

from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.page import Ask
from app.domain.bank import forecast, qualification, whatif
from app.domain.bank.models import Programme
from tests.domain.bank.conftest import FIRST, Take, newest
from tests.domain.bank.feed import october
from tests.domain.bank.test_forecast import PLENTY, november
from tests.factories import people

JUDGES = "WITH valued AS"


def test_every_statement_that_judges_joins_sets_as_sets(
    session: Session, programme: Programme, take: Take, officer: Actor
) -> None:
    people.contacts(session, 2)
    take(october({"0": [PLENTY] * 31}))
    november(take, {"0": [PLENTY] * 5}, 5)
    loops: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if JUDGES in statement:
            loops.append(cursor.connection.execute("SHOW enable_nestloop").fetchone()[0])

    engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        made = qualification.start(session, programme.id, FIRST, by=officer)
        qualification.calculate(session, made.id)
        session.flush()
        run = newest(session)
        whatif.ask(session, run.id, whatif.rule_of(session, run.id, by=officer), by=officer)
        forecast.read(session, programme.id, by=officer)
        forecast.listed(session, programme.id, "on_track", Ask(), by=officer)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(loops) == 4, "the run, the what-if, the forecast (a month before is not judged again), its list"
    assert set(loops) == {"off"}
    assert session.execute(text("SHOW enable_nestloop")).scalar_one() == "on", "and nothing else of the transaction"
