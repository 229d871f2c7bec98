"""Custom properties: definitions with a type, and values brought to their type."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.core.text import clean
from app.domain.access.keyring import organisation_of
from app.domain.audit import trail
from app.domain.contacts.models import PROPERTY_TYPES, PropertyDefinition
from app.domain.contacts.values import typed

MOST = 200
_KEY = re.compile(r"[^\W\d_]\w{0,59}")


class PropertyInput(BaseModel):
    """A custom property. A personal one (`is_pii`) is encrypted with the person and cannot be segmented by."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    key: str = Field(min_length=1, max_length=60)
    label: str = Field(default="", max_length=120)
    type: str = "text"
    is_pii: bool = False


def key_of(name: str) -> str:
    """The key a column name or label gives: lower case, words joined by underscores; empty if nothing is left."""
    key = re.sub(r"\W+", "_", clean(name).lower()).strip("_")[:60].rstrip("_")
    return key if _KEY.fullmatch(key) else f"p_{key}"[:60] if key else ""


def define(session: Session, new: PropertyInput, *, by: Actor) -> PropertyDefinition:
    """Define a property; the same once more changes nothing. Raises Invalid, Conflict (it has another type), Forbidden."""
    require(by, "contacts:write")
    if not _KEY.fullmatch(new.key) or new.key != new.key.lower():
        raise Invalid.field("key", mark("Use lower case letters, digits and underscores; begin with a letter."))
    if new.type not in PROPERTY_TYPES:
        raise Invalid.field("type", mark("Choose one of the types offered."))
    known = session.get(PropertyDefinition, (by.organisation_id, new.key))
    if known is not None:
        if (known.type, known.is_pii) != (new.type, new.is_pii):
            raise Conflict(mark("The property “%(key)s” exists already as %(type)s."), key=new.key, type=known.type)
        return known
    count = session.execute(select(func.count()).select_from(PropertyDefinition)).scalar_one()
    if count >= MOST:
        raise Conflict(mark("There can be at most %(most)s properties."), most=MOST)
    row = PropertyDefinition(
        organisation_id=by.organisation_id,
        key=new.key,
        label=new.label or new.key.replace("_", " ").capitalize(),
        type=new.type,
        is_pii=new.is_pii,
        position=count,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    trail.record(session, by, "property.defined", ("property", new.key), after={"type": new.type, "is_pii": new.is_pii})
    return row


def listed(session: Session) -> list[PropertyDefinition]:
    """All definitions, in their order."""
    return list(
        session.execute(
            select(PropertyDefinition).order_by(PropertyDefinition.position, PropertyDefinition.key)
        ).scalars()
    )


def sorted_out(session: Session, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Typed values, the clear ones and the personal ones; empty values are left out. Raises Invalid."""
    known = {row.key: row for row in listed(session)}
    zone = organisation_of(session).timezone
    clear: dict[str, Any] = {}
    personal: dict[str, Any] = {}
    for key, value in values.items():
        row = known.get(key)
        if row is None:
            raise Invalid.field("properties", mark("There is no property “%(key)s”. Define it first."), key=key)
        if value is None or value in ("", []):
            continue
        try:
            (personal if row.is_pii else clear)[key] = typed(row.type, value, zone)
        except ValueError:
            raise Invalid.field(f"properties.{key}", WRONG[row.type], value=row.label) from None
    return clear, personal


WRONG = {
    "text": mark("“%(value)s” is too long."),
    "number": mark("“%(value)s” must be a number."),
    "boolean": mark("“%(value)s” must be yes or no."),
    "date": mark("“%(value)s” must be a date, such as 2026-03-31."),
    "list": mark("“%(value)s” must be a list."),
}
