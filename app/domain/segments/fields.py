"""What a condition can ask of a contact: the fields, their types, and the operators of each type."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.errors import mark
from app.core.text import masked_email, masked_name
from app.domain.access.keyring import organisation_of
from app.domain.bank.models import Programme
from app.domain.contacts.models import STATUSES, Group, PropertyDefinition

PROPERTY = "properties."
SET = ("is_set", "is_not_set")
_COMPARE = ("eq", "neq", "gt", "gte", "lt", "lte", "between")
_DATES = ("on", "before", "after", "between", "in_last", "not_in_last", "in_next")

OPS: dict[str, tuple[str, ...]] = {
    "text": (
        "eq", "neq", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with", *SET,
    ),
    "choice": ("eq", "neq", "in", "not_in", *SET),
    "secret": ("eq", "in", *SET),
    "name": ("eq", "neq", "in", "not_in", "starts_with", *SET),
    "number": (*_COMPARE, *SET),
    "date": (*_DATES, "anniversary_in", *SET),
    "moment": (*_DATES, *SET),
    "list": ("has_any", "has_all", "has_none", *SET),
    "boolean": ("is", *SET),
}  # fmt: skip
RELATIVE = ("in_last", "not_in_last", "in_next", "anniversary_in")
MANY = ("in", "not_in", "has_any", "has_all", "has_none")
STATUS_LABELS = {
    "active": mark("Active"), "unsubscribed": mark("Unsubscribed"), "bounced": mark("Bounced"), "erased": mark("Erased"),
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """How a field is compared, and with what."""

    op: str
    value: Any = None
    unit: str | None = None


@dataclass(frozen=True)
class Field:
    """A field of a contact: its name in definitions, its label (a message id, or the bank's own word), its type."""

    name: str
    label: str
    type: str
    source: str = "column"
    is_custom: bool = False
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def ops(self) -> tuple[str, ...]:
        return OPS[self.type]

    @property
    def key(self) -> str:
        """The column, or the key within `properties`."""
        return self.name.removeprefix(PROPERTY)


FIELDS = (
    Field("external_id", mark("Customer number"), "text"),
    Field("first_name", mark("First name"), "name", "name"),
    Field("last_name", mark("Last name"), "name", "name"),
    Field("email", mark("E-mail"), "secret", "address"),
    Field("phone", mark("Phone"), "secret", "address"),
    Field("email_domain", mark("E-mail domain"), "text", "domain"),
    Field("language", mark("Language"), "text"),
    Field("gender", mark("Gender"), "text"),
    Field("country", mark("Country"), "text"),
    Field("city", mark("City"), "text"),
    Field("postal_code", mark("Postal code"), "text"),
    Field("lifecycle_stage", mark("Lifecycle stage"), "text"),
    Field("status", mark("Status"), "choice", choices=tuple((s, STATUS_LABELS[s]) for s in STATUSES)),
    Field("engagement_score", mark("Engagement score"), "number"),
    Field("created_at", mark("Created"), "moment"),
    Field("updated_at", mark("Last changed"), "moment"),
    Field("last_activity_at", mark("Last activity"), "moment", "activity"),
    Field("tags", mark("Tags"), "list", "tags"),
    Field("groups", mark("Groups"), "list", "groups"),
)
_MASKED = {"email": masked_email, "phone": phone.masked, "first_name": masked_name, "last_name": masked_name}
PERSONAL = tuple(_MASKED)  # their values name somebody


@dataclass(frozen=True)
class Catalogue:
    """The fields of one organisation, and what the ids in values stand for."""

    fields: dict[str, Field]
    region: str
    groups: dict[str, str] = field(default_factory=dict)
    pii: frozenset[str] = frozenset()
    programmes: dict[UUID, str] = field(default_factory=dict)

    def get(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return self.fields.get(name)


def catalogue(session: Session) -> Catalogue:
    """The fields of the organisation, its own properties after the built-in ones."""
    own = session.execute(select(PropertyDefinition).order_by(PropertyDefinition.position, PropertyDefinition.key))
    properties = list(own.scalars())
    groups = {str(row.id): row.name for row in session.execute(select(Group.id, Group.name).order_by(Group.name))}
    fields = {f.name: f for f in FIELDS}
    fields["groups"] = Field("groups", fields["groups"].label, "list", "groups", choices=tuple(groups.items()))
    for one in properties:
        if not one.is_pii:
            name = PROPERTY + one.key
            fields[name] = Field(name, one.label or one.key, one.type, "property", is_custom=True)
    pii = frozenset(PROPERTY + one.key for one in properties if one.is_pii)
    programmes = {
        row.id: row.name for row in session.execute(select(Programme.id, Programme.name).order_by(Programme.id))
    }
    return Catalogue(fields, organisation_of(session).region, groups, pii, programmes)


def masked_value(field: str, value: str) -> str:
    """A value of a personal field as anybody may see it."""
    return _MASKED[field](value)
