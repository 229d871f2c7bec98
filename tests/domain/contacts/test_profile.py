"""One contact: what is kept of it, in what form, and who may see it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.contacts import groups, identifiers, profile, properties
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.properties import PropertyInput


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return system(organisation.id)


def made(session: Session, by: Actor, **fields: object) -> Contact:
    return profile.create(session, ContactInput.model_validate(fields), by=by)


def blinds(session: Session, contact: Contact) -> list[tuple[str, int, bytes]]:
    query = select(ContactAddress.kind, ContactAddress.position, ContactAddress.blind).where(
        ContactAddress.contact_id == contact.id
    )
    return sorted(tuple(row) for row in session.execute(query))


def test_a_contact_keeps_its_person_sealed_and_its_addresses_findable(session: Session, by: Actor) -> None:
    contact = made(session, by, external_id="7", first_name="נועה", email="Noa@Mail.Example", phone="052-2000001")
    person = profile.person_of(session, contact)
    assert (person.first_name, person.emails, person.phones) == ("נועה", ("noa@mail.example",), ("+972522000001",))
    assert b"noa" not in contact.person
    vault = vault_of(session)
    assert blinds(session, contact) == [
        ("email", 0, vault.blind("email", "noa@mail.example")),
        ("phone", 0, vault.blind("phone", "+972522000001")),
    ]


def test_others_see_it_masked(session: Session, by: Actor) -> None:
    contact = made(session, by, first_name="Noa", email="noa@mail.example", phone="+972522000001")
    person = profile.masked(profile.person_of(session, contact))
    assert (person.name, person.emails, person.phones) == ("N•••", ("n•••@mail.example",), ("+972•••••01",))


def test_to_see_it_in_clear_needs_the_permission(session: Session, by: Actor) -> None:
    contact = made(session, by, email="noa@mail.example")
    viewer = Actor(by.organisation_id, kind="user", permissions=frozenset({"contacts:read"}))
    with pytest.raises(Forbidden):
        profile.reveal(session, contact.id, by=viewer)
    assert profile.reveal(session, contact.id, by=by).emails == ("noa@mail.example",)
    assert "contact.revealed" in [row["action"] for row in session.info["audit"]]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"first_name": "Noa"}, "external_id"),
        ({"email": "noa at mail"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"external_id": "1", "country": "1"}, "country"),
        ({"external_id": "1", "timezone": "Moon/Crater"}, "timezone"),
        ({"external_id": "1", "properties": {"nothing": 1}}, "properties"),
    ],
)
def test_bad_fields_are_named(session: Session, by: Actor, fields: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as broke:
        made(session, by, **fields)
    assert broke.value.details[0].field == field


def test_an_edit_of_an_old_version_is_refused(session: Session, by: Actor) -> None:
    contact = made(session, by, external_id="7", city="Haifa")
    profile.update(session, contact.id, ContactInput(external_id="7", city="Acre"), version=1, by=by)
    with pytest.raises(Stale):
        profile.update(session, contact.id, ContactInput(external_id="7", city="Eilat"), version=1, by=by)
    assert (contact.city, contact.version) == ("Acre", 2)


def test_an_edit_moves_the_addresses(session: Session, by: Actor) -> None:
    contact = made(session, by, external_id="7", email="old@mail.example", phone="+972522000001")
    profile.update(session, contact.id, ContactInput(external_id="7", email="new@mail.example"), by=by)
    assert blinds(session, contact) == [("email", 0, vault_of(session).blind("email", "new@mail.example"))]


def test_an_external_id_belongs_to_one(session: Session, by: Actor) -> None:
    made(session, by, external_id="7")
    with pytest.raises(Conflict):
        made(session, by, external_id="7")
    assert made(session, by, external_id="8").external_id == "8"  # the unit of work goes on


def test_a_deleted_contact_comes_back_for_thirty_days(session: Session, by: Actor) -> None:
    contact = made(session, by, external_id="7")
    profile.delete(session, contact.id, by=by)
    with pytest.raises(NotFound):
        profile.get(session, contact.id, by=by)
    assert profile.restore(session, contact.id, by=by).deleted_at is None
    profile.delete(session, contact.id, by=by)
    contact.deleted_at = clock.now() - timedelta(days=31)
    session.flush()
    with pytest.raises(NotFound):
        profile.restore(session, contact.id, by=by)


def test_any_identifier_finds_it_but_a_shared_phone_names_nobody(session: Session, by: Actor) -> None:
    mother = made(session, by, external_id="7", email="m@mail.example", phone="+972522000001")
    for kind, value in (
        ("id", str(mother.id)),
        ("external_id", "7"),
        ("email", " M@mail.example"),
        ("phone", "0522000001"),
    ):
        assert identifiers.resolve(session, kind, value).id == mother.id
    child = made(session, by, external_id="8", phone="+972522000001")
    with pytest.raises(Conflict) as broke:
        identifiers.resolve(session, "phone", "+972522000001")
    assert broke.value.code == "AMBIGUOUS"
    profile.delete(session, child.id, by=by)
    assert identifiers.resolve(session, "phone", "+972522000001").id == mother.id


def test_properties_have_types_and_the_personal_ones_are_sealed(session: Session, by: Actor) -> None:
    kinds = {"balance": "number", "vip": "boolean", "since": "date", "id_card": "text"}
    for key, kind in kinds.items():
        properties.define(session, PropertyInput(key=key, type=kind, is_pii=key == "id_card"), by=by)
    given = {"balance": "1,250.50", "vip": "yes", "since": "31/3/2026", "id_card": "12345"}
    contact = made(session, by, external_id="7", properties=given)
    assert contact.properties == {"balance": 1250.5, "vip": True, "since": "2026-03-31"}
    assert profile.person_of(session, contact).properties == {"id_card": "12345"}
    with pytest.raises(Invalid) as broke:
        made(session, by, external_id="8", properties={"balance": "much"})
    assert broke.value.details[0].field == "properties.balance"


def test_tags_and_groups(session: Session, by: Actor) -> None:
    contact = made(session, by, external_id="7", tags=["vip", "vip", " staff "], groups=["Branch 12"])
    assert contact.tags == ["staff", "vip"]
    assert groups.of(session, [contact.id])[contact.id] == ["Branch 12"]
    profile.update(session, contact.id, ContactInput(external_id="7", groups=("Branch 9",)), by=by)
    assert groups.of(session, [contact.id])[contact.id] == ["Branch 9"]
