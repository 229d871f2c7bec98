"""What contacts brings to the house: people."""

from app.core.db import live
from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.contacts import lines, models, recipients, unread
from app.domain.contacts.models import Contact, Group
from app.domain.contacts.profile import ContactsChanged

_contact = live(Contact).c

NOUN = Noun(
    name="contacts",
    models=models,
    pages=("contacts",),
    calls=("contacts",),
    menu=(MenuEntry(mark("Audience"), 10, mark("Contacts"), "users", "contacts.index", "contacts:read"),),
    permissions={
        "contacts:read": Permission(mark("See contacts, masked"), EVERYBODY),
        "contacts:write": Permission(mark("Change contacts"), ("marketer",)),
        "contacts:reveal": Permission(mark("See personal data (logged)"), ("admin", "marketer", "bank_officer")),
    },
    acts={
        "contact.created": mark("Created a contact"),
        "contact.changed": mark("Changed a contact"),
        "contact.deleted": mark("Deleted a contact"),
        "contact.restored": mark("Restored a contact"),
        "contact.revealed": mark("Looked at personal data"),
        "contacts.changed": mark("Changed many contacts"),
        "contacts.revealed": mark("Looked at personal data of a list"),
        "property.defined": mark("Defined a property"),
    },
    subjects={
        "contact": Subject(
            mark("Contact"),
            page=("contacts.show", "contact_id"),
            name=(_contact.id, _contact.external_id),
            permission="contacts:read",
        ),
        "group": Subject(mark("Group"), name=(Group.id, Group.name), permission="contacts:read"),
    },
    decides={
        "contact": recipients.carry_out,
    },
    jobs=(unread.READ_NAMES,),
    kinds=(ContactsChanged,),
    waits=(Waiting(unread.READ_NAMES, unread.are_waiting),),
    upkeep=(lines.ask,),
)
