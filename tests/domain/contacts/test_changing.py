"""Many contacts are changed alike: who is really changed is touched, told and written down, and nobody else."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Invalid
from app.domain.access.models import Organisation
from app.domain.contacts import changing
from app.domain.contacts.models import Contact, PropertyDefinition
from app.domain.outbox.models import OutboxEvent
from tests.factories import people

SOURCE = ("flow", uuid4())


@pytest.fixture(autouse=True)
def tier(session: Session, organisation: Organisation) -> None:
    for key, kind, is_pii in (("tier", "text", False), ("visits", "number", False), ("passport", "text", True)):
        session.add(
            PropertyDefinition(
                organisation_id=organisation.id, key=key, label=key, type=kind, is_pii=is_pii, created_at=clock.now()
            )
        )
    session.flush()


def sets(session: Session, ids: list[UUID], **values: Any) -> int:
    return changing.set_fields(session, ids, {k.replace("__", "."): v for k, v in values.items()}, source=SOURCE)


def contact(session: Session, contact_id: UUID) -> Contact:
    return session.get_one(Contact, contact_id, populate_existing=True)


def test_only_who_is_changed_is_touched(session: Session) -> None:
    there, other, gone = people.contacts(session, 3, city="Haifa", properties={"tier": "gold", "visits": 3})
    session.execute(update(Contact).where(Contact.id == gone).values(deleted_at=clock.now()))
    before = contact(session, other).version
    assert sets(session, [there], city="Eilat", properties__tier="silver", properties__visits=None) == 1
    assert (contact(session, there).city, contact(session, there).properties) == ("Eilat", {"tier": "silver"})
    assert sets(session, [there, gone], city="Eilat", properties__tier="silver") == 0
    assert (contact(session, other).version, contact(session, gone).city) == (before, "Haifa")
    assert sets(session, [there], city=None) == 1
    assert contact(session, there).city is None


@pytest.mark.parametrize(
    "values",
    [
        {"email": "a@mail.example"}, {"external_id": "7"}, {"status": "bounced"}, {"properties__passport": "1"},
        {"properties__nothing": "1"}, {"properties__visits": "many"}, {"country": "Nowhereland"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_set_so_is_refused(session: Session, values: dict[str, Any]) -> None:
    [one] = people.contacts(session, 1)
    before = contact(session, one).version
    with pytest.raises(Invalid):
        sets(session, [one], **values)
    assert contact(session, one).version == before


def test_tags_are_put_on_and_taken_away(session: Session) -> None:
    one, other = people.contacts(session, 2, tags=["new", "vip"])
    assert changing.retag(session, [one, other], add=["seen"], remove=["new"], source=SOURCE) == 2
    assert contact(session, one).tags == ["seen", "vip"]
    assert changing.retag(session, [one], add=["seen"], remove=["new"], source=SOURCE) == 0


def test_it_is_told_once_for_all(session: Session) -> None:
    ids = people.contacts(session, 3, city="Haifa")
    query = select(OutboxEvent).where(OutboxEvent.kind == "contacts.changed")
    before = len(session.execute(query).all())
    assert sets(session, ids, city="Eilat") == 3
    told = session.execute(query.order_by(OutboxEvent.id)).scalars().all()[before:]
    assert [sorted(one.payload["contacts"]) for one in told] == [sorted(str(i) for i in ids)]
    assert told[0].payload["fields"] == ["city"]
