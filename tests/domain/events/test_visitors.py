"""Visitors become known: what was theirs is the contact's, and what pages say of them stays what it is."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.contacts.identifiers import Ambiguous
from app.domain.contacts.models import Contact
from app.domain.events import interest, visitors
from app.domain.events.models import Visitor
from app.domain.events.tracking import Erased
from app.domain.events.visitors import IdentifyInput, PageIdentifyInput
from tests.domain.events.conftest import said, tell, told
from tests.factories import people

ANON = {"anonymous_id": "0b54d6e0-visitor"}


def identify(session: Session, contact: dict[str, str], **traits: object) -> visitors.Known:
    wanted = IdentifyInput.model_validate({"contact": contact, "traits": traits})
    return visitors.identify(session, wanted, by=actor_of(session))


def test_what_a_visitor_did_becomes_the_contacts(session: Session, organisation: Organisation, page: Actor) -> None:
    (who,) = people.contacts(session, 1)
    tell(session, said("page", contact=ANON), said("calculator_used", contact=ANON), by=page)
    tell(session, said("page", contact={"anonymous_id": "somebody-else"}), by=page)
    assert identify(session, {"external_id": "0", **ANON}).events == 2
    assert [one.contact_id for one in told(session)] == [who, who, None]
    assert [one.is_verified for one in told(session)] == [False] * 3, "that he is known does not prove what a page said"


def test_on_a_shared_computer_everybody_keeps_his_own(session: Session, organisation: Organisation) -> None:
    first, second = people.contacts(session, 2)
    tell(session, said("page", contact=ANON))
    identify(session, {"external_id": "0", **ANON})
    identify(session, {"external_id": "1", **ANON})
    tell(session, said("page", contact=ANON))
    assert [one.contact_id for one in told(session)] == [first, second]


def test_listeners_hear_of_the_last_day_of_who_becomes_known(session: Session, organisation: Organisation) -> None:
    (who,) = people.contacts(session, 1)
    interest.listen(session, "flows", uuid4(), ["page"])
    before = (clock.now() - timedelta(hours=25)).isoformat()
    tell(session, said("page", contact=ANON), said("page", contact=ANON, occurred_at=before), said("x", contact=ANON))
    assert not interest.waiting(session, "flows")
    identify(session, {"external_id": "0", **ANON})
    (one,) = interest.take(session, "flows", 10)
    assert (one.contact_id, one.name) == (who, "page")


def test_a_contact_is_made_by_his_number_or_address_and_never_by_an_id(
    session: Session, organisation: Organisation
) -> None:
    assert identify(session, {"external_id": "7"}, first_name="Noa").is_new
    assert identify(session, {"phone": "052-2000009"}).is_new
    assert not identify(session, {"phone": "+972522000009"}).is_new
    with pytest.raises(NotFound):
        identify(session, {"id": str(uuid4())})
    assert len(session.execute(select(Contact)).all()) == 2


def test_traits_change_what_they_name_and_nothing_else(session: Session, organisation: Organisation) -> None:
    made = identify(session, {"external_id": "7"}, first_name="Noa", city="Haifa", tags=["vip"])
    identify(session, {"external_id": "7"}, city="Eilat")
    contact = session.get_one(Contact, made.contact_id)
    assert (contact.city, contact.tags) == ("Eilat", ["vip"])
    version = contact.version
    identify(session, {"external_id": "7"})
    assert contact.version == version


def test_whom_nobody_may_know_is_refused(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    people.contacts(session, 1, prefix="other-")
    with pytest.raises(Ambiguous):
        identify(session, {"email": "client0@mail.example", **ANON})
    session.execute(update(Contact).values(status="erased"))
    with pytest.raises(Erased):
        identify(session, {"external_id": "0", **ANON})
    assert session.execute(select(Visitor)).first() is None


def say(session: Session, page: Actor, **more: object) -> None:
    visitors.say(session, PageIdentifyInput.model_validate({"contact": ANON, **more}), by=page)


def test_what_pages_say_is_kept_sealed_and_shown_as_said(
    session: Session, organisation: Organisation, page: Actor
) -> None:
    (who,) = people.contacts(session, 1)
    say(session, page, traits={"first_name": "Noa", "email": "noa@mail.example"})
    say(session, page, traits={"first_name": "Noah"}, contact={**ANON, "phone": "0521234567"})
    (visitor,) = session.execute(select(Visitor).execution_options(populate_existing=True)).scalars()
    assert visitor.said is not None
    assert b"noa" not in visitor.said
    assert visitors.of_contact(session, who, by=actor_of(session)) == {}
    identify(session, {"external_id": "0", **ANON})
    known = {"first_name": "Noah", "email": "noa@mail.example", "phone": "0521234567"}
    assert visitors.of_contact(session, who, by=actor_of(session)) == known
    with pytest.raises(Forbidden):
        visitors.of_contact(session, who, by=people.staff(session, "viewer"))


def test_what_is_said_does_not_grow_for_ever(session: Session, organisation: Organisation, page: Actor) -> None:
    say(session, page, traits={f"a{n}": n for n in range(40)})
    with pytest.raises(Invalid, match="50 properties"):
        say(session, page, traits={f"b{n}": n for n in range(40)})
