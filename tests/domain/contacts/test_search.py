"""Lists of contacts."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.db import live
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.contacts import profile, search
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.search import Filter


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    by = system(organisation.id)
    for number in range(1, 8):
        new = ContactInput(
            external_id=f"A-{number}",
            email=f"client{number}@mail.example",
            phone=f"+97252200000{number // 2}",
            tags=("vip",) if number > 4 else (),
            groups=("Branch 12",) if number == 3 else (),
        )
        profile.create(session, new, by=by)
    profile.delete(session, search.listed(session, Filter(external_id="A-7"), Ask(), by=by).items[0].id, by=by)
    return by


def found(session: Session, by: Actor, wanted: Filter, ask: Ask | None = None) -> list[str | None]:
    return [contact.external_id for contact in search.listed(session, wanted, ask or Ask(), by=by).items]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(), ["A-6", "A-5", "A-4", "A-3", "A-2", "A-1"]),
        (Filter(q="client3@MAIL.example"), ["A-3"]),
        (Filter(q="client3@mail"), []),
        (Filter(q="052-2000001"), ["A-3", "A-2"]),
        (Filter(q="A-"), ["A-6", "A-5", "A-4", "A-3", "A-2", "A-1"]),
        (Filter(q="A-2"), ["A-2"]),
        (Filter(q="%"), []),
        (Filter(tag="vip"), ["A-6", "A-5"]),
        (Filter(group="Branch 12"), ["A-3"]),
        (Filter(status="bounced"), []),
        (Filter(email="nobody"), []),
        (Filter(phone="+972522000001", tag="vip"), []),
        (Filter(deleted=True), ["A-7"]),
    ],
)
def test_a_filter_finds(session: Session, by: Actor, wanted: Filter, ids: list[str]) -> None:
    assert found(session, by, wanted) == ids


def test_a_list_within_a_select_of_the_door(session: Session, by: Actor) -> None:
    contacts = live(Contact).c
    some = select(contacts.id).where(contacts.external_id.in_(["A-1", "A-4"]))
    assert found(session, by, Filter(within=some)) == ["A-4", "A-1"]


def test_pages_go_on_after_the_last_row_seen(session: Session, by: Actor) -> None:
    first = search.listed(session, Filter(), Ask(per_page=4), by=by)
    assert (len(first.items), first.total, first.prev) == (4, None, None)
    assert search.listed(session, Filter(), Ask(), by=by).total == search.count(session, Filter(), by=by) == 6
    assert found(session, by, Filter(), Ask(first.next, 4)) == ["A-2", "A-1"]


def test_tags_in_use(session: Session, by: Actor) -> None:
    assert search.tags(session) == ["vip"]
