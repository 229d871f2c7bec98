"""A field of the contact compared with a value; which operators and values fit is told by its type."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field
from sqlalchemy import RowMapping, literal, select
from sqlalchemy.orm import Session

from app.core.db import live
from app.core.errors import Conflict, mark
from app.core.text import masked_name
from app.domain.contacts.models import ContactAddress, GroupMember
from app.domain.contacts.person import opened
from app.domain.segments import activity, values
from app.domain.segments.comparisons import compare
from app.domain.segments.condition import ANY_EVENT, Condition, Dependencies
from app.domain.segments.context import CompileContext, Predicate
from app.domain.segments.fields import MANY, PERSONAL, RELATIVE, Catalogue, Comparison, masked_value
from app.domain.segments.fields import Field as Info
from app.domain.segments.saying import OPS, SPANS, Listed, Names, Said, label

_SHOWN_VALUES = 5


class FieldIs(Condition):
    """A field compared with a value."""

    kind: Literal["field"] = "field"
    field: str = Field(min_length=1, max_length=120)
    op: str = Field(min_length=1, max_length=30)
    value: Any = None
    unit: Literal["days", "weeks", "months", "years"] | None = None

    has_value: ClassVar[bool] = True

    def checked(self, known: Catalogue) -> Self:
        """Itself with its value in its normal form. Raises Unfit."""
        found = values.checked(known, self.field, self._comparison)
        return self.model_copy(update={"value": found.value, "unit": found.unit})

    def compile(self, around: CompileContext) -> Predicate:
        """The comparison. Raises Conflict: the field is gone."""
        info = around.known.get(self.field)
        if info is None:
            raise Conflict(mark("A segment uses the field “%(field)s”, which is no longer there."), field=self.field)
        return compare(around, info, self._comparison)

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """What the contact has; an encrypted name masked, and of an encrypted address only how many there are."""
        info = around.known.get(self.field)
        return _held(around, info, row) if info else None

    def words(self, names: Names) -> Said:
        """The field, the operator and the value."""
        info = names.known.get(self.field)
        said = {"field": label(info, self.field), "op": Said(OPS.get(self.op, self.op))}
        value = self._said(info, in_full=names.in_full)
        if value is None:
            return Said(mark("%(field)s %(op)s"), said)
        return Said(mark("%(field)s %(op)s %(value)s"), said | {"value": value})

    @property
    def needs(self) -> Dependencies:
        """The field it compares, what that is made of, and the day where that is today."""
        found = Dependencies(fields=frozenset({self.field}), relative=self.op in RELATIVE)
        if self.field == "last_activity_at":
            found |= Dependencies(events=frozenset({ANY_EVENT}), messages=True)
        return found

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.op, self.value, self.unit)

    def _said(self, info: Info | None, *, in_full: bool) -> Any:
        value = self.value
        if value is None:
            return None
        if self.unit:
            return Said(SPANS[self.unit], {"number": value})
        shown = dict(info.choices) if info else {}
        is_ours = info is not None and info.type == "choice"

        def one(item: Any) -> Any:
            if self.field in PERSONAL and not in_full:
                return f"“{masked_value(self.field, str(item))}”"
            if isinstance(item, bool):
                return Said(mark("yes")) if item else Said(mark("no"))
            return (
                Said(shown[item])
                if is_ours and item in shown
                else shown.get(item, f"“{item}”" if isinstance(item, str) else item)
            )

        if self.op == "between":
            return Said(mark("%(low)s and %(high)s"), {"low": value[0], "high": value[1]})
        if self.op not in MANY:
            return one(value)
        said = Listed(tuple(one(item) for item in value[:_SHOWN_VALUES]))
        more = len(value) - _SHOWN_VALUES
        return Said(mark("%(values)s and %(number)s more"), {"values": said, "number": more}) if more > 0 else said


def _held(around: CompileContext, info: Info, row: RowMapping) -> Any:
    if info.source == "property":
        return row["properties"].get(info.key)
    if info.source == "address":
        return len(_rows(around.session, ContactAddress, "position", row, kind=info.name)) or None
    if info.source == "name":
        person = opened(around.vault, row["id"], row["key"], row["person"])
        return masked_name(getattr(person, info.key) or "")
    if info.source == "domain":
        return _rows(around.session, ContactAddress, "domain", row, kind="email")
    if info.source == "activity":
        return activity.last(around.session, row["id"])
    if info.source == "groups":
        return [around.known.groups.get(str(i), str(i)) for i in _rows(around.session, GroupMember, "group_id", row)]
    return row[info.key]


def _rows(session: Session, model: Any, column: str, row: RowMapping, **where: str) -> list[Any]:
    table = live(model)
    query = select(table.c[column]).where(table.c.contact_id == row["id"])
    for name, value in where.items():
        query = query.where(table.c[name] == literal(value))
    return list(session.execute(query).scalars())
