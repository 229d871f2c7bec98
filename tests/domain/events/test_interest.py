"""Who waits for an event hears of it, once, and nobody else does."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import UPKEEP
from app.domain.access.models import Organisation
from app.domain.events import interest
from tests.domain.events.conftest import said, tell
from tests.factories import people

ANON = {"anonymous_id": "0b54d6e0-visitor"}


def test_only_who_listens_is_told(session: Session, organisation: Organisation) -> None:
    (who,) = people.contacts(session, 1)
    interest.listen(session, "flows", uuid4(), ["login", "logout"])
    interest.listen(session, "flows", uuid4(), ["login"])
    tell(session, *(said(name, contact={"external_id": "0"}, properties={"n": 1}) for name in ("login", "click")))
    assert interest.waiting(session, "flows")
    assert not interest.waiting(session, "segments")
    (one,) = interest.take(session, "flows", 10)
    assert (one.contact_id, one.name, one.properties, one.is_verified) == (who, "login", {"n": 1}, True)
    assert interest.take(session, "flows", 10) == []
    assert not interest.waiting(session, "flows")


def test_names_are_replaced_and_taken_back(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    subject = uuid4()
    interest.listen(session, "flows", subject, ["login"])
    interest.listen(session, "flows", subject, ["logout"])
    tell(session, said("login", contact={"external_id": "0"}), said("logout", contact={"external_id": "0"}))
    assert [one.name for one in interest.take(session, "flows", 10)] == ["logout"]
    interest.listen(session, "flows", subject, [])
    tell(session, said("logout", contact={"external_id": "0"}))
    assert not interest.waiting(session, "flows")


def test_as_many_are_taken_as_are_asked_for(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 3)
    interest.listen(session, "segments", uuid4(), ["login"])
    tell(session, *(said(contact={"external_id": str(n)}) for n in range(3)))
    assert [len(interest.take(session, "segments", 2)) for _ in range(3)] == [2, 1, 0]


def test_of_a_visitor_nobody_hears(session: Session, organisation: Organisation) -> None:
    interest.listen(session, "flows", uuid4(), ["login"])
    tell(session, said(contact=ANON))
    assert not interest.waiting(session, "flows")


def test_history_starts_no_flow_and_is_counted(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    for consumer in ("flows", "segments"):
        interest.listen(session, consumer, uuid4(), ["login"])
    then = (clock.now() - timedelta(hours=25)).isoformat()
    tell(session, said(contact={"external_id": "0"}, occurred_at=then))
    assert not interest.waiting(session, "flows")
    assert interest.waiting(session, "segments")


def test_the_bell_is_rung_for_the_first_that_waits(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    interest.answer("flows", UPKEEP)
    interest.listen(session, "flows", uuid4(), ["login"])
    rings = session.info.setdefault("rings", {})
    tell(session, said(contact={"external_id": "0"}))
    assert rings.pop((UPKEEP, (str(organisation.id),)))
    tell(session, said(contact={"external_id": "0"}))
    assert (UPKEEP, (str(organisation.id),)) not in rings, "whoever takes goes on until nothing is left"
