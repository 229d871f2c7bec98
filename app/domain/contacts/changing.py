"""Change many contacts alike: fields and tags, one statement for all. Only who is really changed is touched."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Text, cast, func, literal, not_, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import among
from app.core.errors import Invalid, mark
from app.core.unit import actor_of
from app.domain.audit import trail
from app.domain.contacts import properties
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactInput, ContactsChanged, columns_of
from app.domain.outbox.publish import publish

SETTABLE = ("language", "gender", "city", "country", "postal_code", "lifecycle_stage", "timezone")
PROPERTY = "properties."
Source = tuple[str, UUID]  # what changes them: kind and id


def set_fields(session: Session, contact_ids: Sequence[UUID], values: Mapping[str, Any], *, source: Source) -> int:
    """Set columns (SETTABLE) and clear properties (`properties.<key>`) of contacts; None empties one. How many were changed.

    Raises Invalid for a field that cannot be set so: an address, a personal property, one that is not defined.
    """
    columns, wanted = _read(session, values)
    emptied = [name.removeprefix(PROPERTY) for name, value in values.items() if value is None and name not in SETTABLE]
    kept = Contact.properties.op("-")(cast(emptied, ARRAY(Text))).op("||")(cast(literal(wanted, JSONB), JSONB))
    differs = [getattr(Contact, name).is_distinct_from(value) for name, value in columns.items()]
    change = {**columns, "properties": kept}
    return _change(session, contact_ids, change, or_(*differs, Contact.properties != kept), (values, source))


def retag(
    session: Session,
    contact_ids: Sequence[UUID],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    source: Source,
) -> int:
    """Put tags on contacts and take tags away; how many were changed."""
    on, off = (cast(list(words), ARRAY(Text)) for words in (add, remove))
    word = func.unnest(Contact.tags.op("||")(on)).column_valued("word")
    tags = func.array(
        select(word)
        .where(word != func.all(off))
        .distinct()
        .order_by(word)
        .correlate(Contact.__table__)
        .scalar_subquery()
    )
    differs = or_(not_(Contact.tags.op("@>", is_comparison=True)(on)), Contact.tags.op("&&", is_comparison=True)(off))
    return _change(session, contact_ids, {"tags": tags}, differs, ({"tags": None}, source))


def _read(session: Session, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns and clear properties, brought to their types."""
    own = {name: value for name, value in values.items() if name in SETTABLE}
    custom = {name.removeprefix(PROPERTY): value for name, value in values.items() if name.startswith(PROPERTY)}
    if len(own) + len(custom) < len(values):
        raise Invalid.field("set", mark("This field cannot be set here."))
    clear, personal = properties.sorted_out(session, custom)
    if personal:
        raise Invalid.field("set", mark("A personal property cannot be set here."))
    try:
        columns = columns_of(ContactInput.model_validate(own))
    except ValidationError as broke:
        raise Invalid.field("set", mark("This value does not fit.")) from broke
    return {name: columns[name] for name in own}, clear


def _change(
    session: Session,
    contact_ids: Sequence[UUID],
    change: Mapping[str, Any],
    differs: Any,
    told: tuple[Mapping[str, Any], Source],
) -> int:
    """One statement, one row in the audit trail and one for whoever listens."""
    values, source = told
    statement = (
        update(Contact)
        .where(among(Contact.id, contact_ids), Contact.deleted_at.is_(None), Contact.status != "erased", differs)
        .values(**change, version=Contact.version + 1, updated_at=clock.now(), content_hash=None)
    )
    touched = tuple(session.execute(statement.returning(Contact.id)).scalars())
    if touched:
        fields = tuple(sorted(values))
        after = {"fields": fields, "contacts": len(touched)}
        trail.record(session, actor_of(session), "contacts.changed", source, after=after)
        change = session.execute(text("SELECT uuidv7()")).scalar_one()
        publish(session, ContactsChanged(subject=change, contacts=touched, fields=fields))
    return len(touched)
