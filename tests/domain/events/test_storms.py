"""Many at once: what was accepted is there, each once, and nobody waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.events.models import Event, Visitor
from app.domain.events.tracking import Taken, track
from tests.domain.events.conftest import said
from tests.factories import people


def test_eight_at_once_say_the_same_in_any_order(own_settings: Settings) -> None:
    """The same ids and visitors, forward and backward: each event is kept by one of them, and nobody is locked out."""
    engine = make_engine(own_settings)
    factory = session_factory(engine, own_settings)
    with unit_of_work(factory, None) as session:
        organisation = users.create_organisation(session, users.NewOrganisation(name="Bank of the Storm")).id
        people.contacts(session, 10)

    def storm(worker: int) -> list[Taken]:
        return [_tell(factory(), organisation, worker, round_) for round_ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        taken = [one for every in pool.map(storm, range(8)) for one in every]
    with unit_of_work(factory, system(organisation)) as session:
        kept = session.execute(select(func.count()).select_from(Event)).scalar_one()
        twice = session.execute(text("SELECT count(*) - count(DISTINCT properties) FROM events")).scalar_one()
        assert (kept, twice) == (500, 0)
        assert session.execute(select(func.count()).select_from(Visitor)).scalar_one() == 10
    assert sum(one.accepted - one.repeated for one in taken) == 500
    assert all(one.accepted == 100 and not one.refused for one in taken)
    engine.dispose()


def _tell(session: Session, organisation: UUID, worker: int, round_: int) -> Taken:
    """A hundred events of ten contacts and ten visitors."""
    by = system(organisation)
    order = range(100) if worker % 2 else range(99, -1, -1)
    whose = [{"external_id": str(n)} for n in range(10)] + [{"anonymous_id": f"visitor-{n}"} for n in range(10)]
    with session, unit_of_work(lambda: session, by):  # type: ignore[arg-type]
        return track(
            session,
            [said(contact=whose[n % 20], id=f"{round_}-{n}", properties={"n": n, "round": round_}) for n in order],
            by=by,
        )
