"""Contacts by the set, and the people who work with them."""

from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.unit import actor_of
from app.domain.access import users
from app.domain.access.keyring import vault_of
from app.domain.access.permissions import of_role
from app.domain.consent.models import ConsentEntry
from app.domain.contacts import names
from app.domain.contacts.models import Contact, ContactAddress, ContactName

PASSWORD = "copper-lantern-meadow-river"


def staff(session: Session, role: str, name: str = "") -> Actor:
    """A member of staff as an actor with a fresh second factor."""
    organisation_id = actor_of(session).organisation_id
    name = name or role
    user = users.create_user(
        session,
        email=f"{name}.{organisation_id.hex[-8:]}@bank.example".lower(),
        name=name.title(),
        role=role,
        password=PASSWORD,
        by=system(organisation_id),
    )
    return Actor(organisation_id, "user", user.id, user.name, role, of_role(role), factor_at=clock.now())


def contacts(
    session: Session,
    number: int,
    *,
    consent: bool = True,
    start: int = 0,
    language: str | None = "en",
    prefix: str = "",
    **columns: object,
) -> list[UUID]:
    """Contacts `start` .. `start + number`, each with a phone, an e-mail, and consent on both channels unless told otherwise."""
    organisation_id, vault, now = actor_of(session).organisation_id, vault_of(session), clock.now()
    ids = list(session.execute(text("SELECT uuidv7() FROM generate_series(1, :n)"), {"n": number}).scalars())
    people, addresses, named = [], [], []
    for n, contact_id in enumerate(ids, start=start):
        phone, email = f"+97252{2000000 + n}", f"client{n}@mail.example"
        key, person = vault.seal_person(
            contact_id, {"first_name": f"Dana{n}", "last_name": "Levi", "emails": [email], "phones": [phone]}
        )
        row = {
            "id": contact_id,
            "organisation_id": organisation_id,
            "external_id": f"{prefix}{n}",
            "key": key,
            "person": person,
        }
        row |= {"language": language, "created_at": now, "updated_at": now, "properties": {}, "tags": [], **columns}
        people.append(row)
        tokens = names.tokens(vault, f"Dana{n}", "Levi")._asdict()
        named.append({"organisation_id": organisation_id, "contact_id": contact_id, **tokens})
        for kind, value, extra in (("phone", phone, {"country": "IL"}), ("email", email, {"domain": "mail.example"})):
            address = {"organisation_id": organisation_id, "contact_id": contact_id, "kind": kind, "position": 0}
            addresses.append(address | {"blind": vault.blind(kind, value), "domain": None, "country": None} | extra)
    session.execute(insert(Contact), people)
    session.execute(insert(ContactAddress), addresses)
    session.execute(insert(ContactName), named)
    if consent:
        grants = {
            "channels": ["sms", "email"],
            "purpose": "marketing",
            "state": "granted",
            "basis": "form",
            "source": "test",
        }
        session.execute(
            insert(ConsentEntry),
            [{"organisation_id": organisation_id, "contact_id": i, "at": now, **grants} for i in ids],
        )
    session.flush()
    return ids
