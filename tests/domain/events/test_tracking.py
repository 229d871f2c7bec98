"""Events come in: whose they are, once each, and what is refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Forbidden, Invalid
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.events.models import EventKey, Visitor
from app.domain.events.tracking import record
from tests.domain.events.conftest import codes, said, sentence, tell, told
from tests.factories import people

ANON = {"anonymous_id": "0b54d6e0-visitor"}


def test_a_contact_is_named_in_four_ways(session: Session, organisation: Organisation) -> None:
    (who,) = people.contacts(session, 1)
    names = [{"id": str(who)}, {"external_id": "0"}, {"email": "Client0@MAIL.example"}, {"phone": "052-200 0000"}]
    assert tell(session, *(said(contact=one) for one in names)).accepted == 4
    assert [one.contact_id for one in told(session)] == [who] * 4
    assert all(one.is_verified and one.source == "api" for one in told(session))


def test_a_thousand_are_one_statement(session: Session, organisation: Organisation, statements: list[str]) -> None:
    people.contacts(session, 100)
    events = [said("card_used", contact={"external_id": str(n % 100)}, id=f"card-{n}") for n in range(1000)]
    statements.clear()
    assert tell(session, *events).accepted == 1000
    assert len(statements) == 1
    assert len(told(session)) == 1000


def test_nobody_unknown_is_made_by_an_event(session: Session, organisation: Organisation) -> None:
    taken = tell(session, said(contact={"external_id": "77"}), said(contact={"id": str(uuid4())}))
    assert codes(taken) == {0: "NOT_FOUND", 1: "NOT_FOUND"}
    assert session.execute(select(Contact)).first() is None


def test_an_event_of_somebody_unknown_is_his_visitors(session: Session, organisation: Organisation) -> None:
    assert tell(session, said(contact={"external_id": "77", **ANON})).accepted == 1
    (event,) = told(session)
    assert event.contact_id is None
    assert event.visitor_id is not None


def test_a_shared_address_is_nobodys(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    people.contacts(session, 1, prefix="other-")
    assert codes(tell(session, said(contact={"phone": "0522000000"}))) == {0: "AMBIGUOUS"}


def test_of_somebody_erased_nothing_is_kept(session: Session, organisation: Organisation) -> None:
    erased, deleted = people.contacts(session, 2)
    session.execute(update(Contact).where(Contact.id == erased).values(status="erased"))
    session.execute(update(Contact).where(Contact.id == deleted).values(deleted_at=clock.now()))
    taken = tell(session, said(contact={"id": str(erased)}), said(contact={"id": str(deleted)}))
    assert codes(taken) == {0: "ERASED", 1: "NOT_FOUND"}
    assert told(session) == []


def test_one_id_twice_counts_once(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    event = said(contact={"external_id": "0"}, properties={"amount": 5, "branch": "12"}, id="a-1")
    taken = tell(session, event, event)
    assert (taken.accepted, taken.repeated, taken.refused) == (1, 0, ())
    turned = said(contact={"external_id": "0"}, properties={"branch": "12", "amount": 5}, id="a-1")
    taken = tell(session, turned)
    assert (taken.accepted, taken.repeated, taken.refused) == (1, 1, ())
    assert len(told(session)) == 1


def test_another_event_under_the_same_id_is_refused(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    first, other = (said(contact={"external_id": "0"}, properties={"n": n}, id="a-1") for n in range(2))
    assert codes(tell(session, first, other)) == {1: "CONFLICT"}
    assert codes(tell(session, other)) == {0: "CONFLICT"}
    assert [one.properties for one in told(session)] == [{"n": 0}]


def test_without_an_id_every_telling_is_an_event(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    event = said(contact={"external_id": "0"})
    assert tell(session, event, event).accepted == 2


def test_a_refused_event_leaves_its_id_free(session: Session, organisation: Organisation) -> None:
    event = said(contact={"external_id": "0"}, id="a-1")
    assert codes(tell(session, event)) == {0: "NOT_FOUND"}
    people.contacts(session, 1)
    assert tell(session, event).accepted == 1


def test_a_page_cannot_take_the_ids_of_the_bank(session: Session, organisation: Organisation, page: Actor) -> None:
    people.contacts(session, 1)
    tell(session, said(contact=ANON, id="order-1"), by=page)
    assert tell(session, said(contact={"external_id": "0"}, id="order-1")).refused == ()
    assert len(told(session)) == 2


@pytest.mark.parametrize("named", [{"external_id": "0"}, {"email": "client0@mail.example"}, {"phone": "0522000000"}])
def test_what_a_page_says_of_a_contact_is_not_verified(
    session: Session, organisation: Organisation, page: Actor, named: dict[str, Any]
) -> None:
    (who,) = people.contacts(session, 1)
    for whose in (named, {"id": str(who)}, named | ANON):
        assert tell(session, said(contact=whose), by=page).accepted == 1
    assert [(one.contact_id, one.is_verified, one.source) for one in told(session)] == [(who, False, "web")] * 3


def test_a_page_is_not_told_who_is_known(session: Session, organisation: Organisation, page: Actor) -> None:
    erased, one, other = people.contacts(session, 3)
    session.execute(update(Contact).where(Contact.id == erased).values(status="erased"))
    of_one = select(ContactAddress.blind).where(ContactAddress.contact_id == one, ContactAddress.kind == "email")
    mail = update(ContactAddress).where(ContactAddress.contact_id == other, ContactAddress.kind == "email")
    session.execute(mail.values(blind=of_one.scalar_subquery()))
    for named in ({"external_id": "0"}, {"external_id": "404"}, {"email": "client1@mail.example"}):
        taken = tell(session, said(contact=named), by=page)
        assert (taken.accepted, taken.refused) == (1, ())
    assert {one.contact_id for one in told(session)} == {None}


def test_a_visitor_is_not_kept_by_his_id(session: Session, organisation: Organisation, page: Actor) -> None:
    tell(session, said(contact=ANON), said(contact=ANON), by=page)
    (visitor,) = session.execute(select(Visitor)).scalars()
    assert len(visitor.blind) == 16
    assert {one.visitor_id for one in told(session)} == {visitor.id}


def test_a_known_visitor_tells_for_his_contact(session: Session, organisation: Organisation, page: Actor) -> None:
    (who,) = people.contacts(session, 1)
    tell(session, said(contact=ANON), by=page)
    session.execute(update(Visitor).values(contact_id=who))
    tell(session, said("offer_viewed", contact=ANON), by=page)
    assert [(one.name, one.contact_id, one.is_verified) for one in told(session)][1] == ("offer_viewed", who, False)


def test_an_unread_event_keeps_its_place(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    taken = tell(session, Invalid("no"), said(contact={"external_id": "0"}), said(contact={"email": "nobody"}))
    assert taken.accepted == 1
    assert codes(taken) == {0: "VALIDATION_ERROR", 2: "VALIDATION_ERROR"}


def test_older_months_have_room(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    then = clock.now() - timedelta(days=399)
    assert tell(session, said(contact={"external_id": "0"}, occurred_at=then.isoformat())).accepted == 1
    assert told(session)[0].occurred_at == then


def test_the_product_tells_of_events_itself(session: Session, organisation: Organisation) -> None:
    (who,) = people.contacts(session, 1)
    record(session, [said("message.replied", contact={"id": who})])
    assert [(one.contact_id, one.source, one.is_verified) for one in told(session)] == [(who, "product", True)]


def test_nobody_sends_events_without_the_permission(session: Session, organisation: Organisation) -> None:
    with pytest.raises(Forbidden):
        tell(session, said(contact=ANON), by=people.staff(session, "viewer"))


def test_nothing_and_too_much_are_refused(session: Session, organisation: Organisation) -> None:
    with pytest.raises(Invalid):
        tell(session)
    with pytest.raises(Invalid):
        tell(session, *[said(contact=ANON)] * 1001)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "Login Page"}, "small letters"),
        ({"event": "לוגין"}, "small letters"),
        ({"contact": {}}, "Name the contact once"),
        ({"contact": {"email": "a@b.com", "phone": "0522000000"}}, "Name the contact once"),
        ({"occurred_at": "2026-03-31T08:00:00"}, "with its zone"),
        ({"occurred_at": (clock.now() + timedelta(days=1)).isoformat()}, "in the future"),
        ({"occurred_at": (clock.now() - timedelta(days=401)).isoformat()}, "400 days"),
        ({"properties": {f"p{n}": n for n in range(51)}}, "50 properties"),
        ({"properties": {"": 1}}, "1 to 64"),
        ({"properties": {"a": {"b": {"c": {}}}}}, "three levels"),
        ({"properties": {"a": "\0"}}, "three levels"),
        ({"properties": {"a": float("inf")}}, "three levels"),
        ({"properties": {"a": "x" * 8192}}, "8 kB"),
    ],
)
def test_the_bounds_of_an_event_are_said_in_words(event: dict[str, Any], words: str) -> None:
    assert words in sentence(**event)


def test_keys_are_kept_with_their_events(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    tell(session, said(contact={"external_id": "0"}, id="a-1"))
    (key,) = session.execute(select(EventKey)).scalars()
    assert (key.key, key.event_id) == ("api:a-1", told(session)[0].id)
    assert actor_of(session).organisation_id == key.organisation_id
