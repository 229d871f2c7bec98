"""A field of the contact: what is asked for follows from its type and the operator."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import MANY, RELATIVE, Catalogue, Field
from app.domain.segments.kinds.field import FieldIs
from app.web.segments.rows.base import Choice, Control, Row, Said, ops
from app.web.segments.tree import Rule
from app.web.segments.typed import VALUES, written


class FieldRow(Row):
    """A field compared with a value; also every row whose first choice nobody knows any more."""

    def offers(self, known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """Our fields, then the bank's own."""
        fields = list(known.fields.values())
        yield mark("Contact"), [(info.name, info.label, True) for info in fields if not info.is_custom]
        yield mark("Own fields"), [(info.name, info.label, False) for info in fields if info.is_custom]

    def is_begun_by(self, _name: str) -> bool:
        """Whatever is of no other kind."""
        return True

    def control(self, rule: Rule, known: Catalogue) -> Control | None:
        """The operators of the field's type, and an input that fits."""
        info = known.get(rule.one("field"))
        if info is None:
            return None
        return Control(ops(*info.ops), input_for(info, rule.one("op")), info.choices, info.type == "choice")

    def begun(self, asked: Control) -> dict[str, str]:
        """The first choice where one has to be made."""
        match asked.input:
            case "choice":
                return {"v": asked.choices[0][0]} if asked.choices else {}
            case "boolean":
                return {"v": "true"}
            case "relative":
                return {"unit": "days"}
        return {}

    def as_json(self, rule: Rule, known: Catalogue) -> dict[str, Any]:
        """The field, the operator, and a value where one is asked for."""
        condition = {"kind": "field", "field": rule.one("field"), "op": rule.one("op")}
        asked = self.control(rule, known)
        value = VALUES[asked.input if asked else "text"](rule.values.get("v", []))
        unit = {"unit": rule.one("unit", "days")} if rule.one("op") in RELATIVE else {}
        return condition | ({} if value is None else {"value": value}) | unit

    def said(self, condition: FieldIs) -> Said:
        """The field, the operator and what its inputs show."""
        head: Said = {"field": [condition.field], "op": [condition.op], "unit": [condition.unit or ""]}
        value = condition.value
        if value is None:
            return head
        if isinstance(value, list | tuple):
            texts = [str(one) for one in value]
            # Groups are check boxes and "between" two inputs: one value each. Everything else is one text with lines.
            separate = condition.op == "between" or condition.field in ("groups", "status")
            return {**head, "v": texts if separate else [written(texts)]}
        return {**head, "v": [str(value).lower() if isinstance(value, bool) else str(value)]}


def input_for(info: Field, op: str) -> str:
    """The kind of input that fits a field and an operator."""
    if op in ("is_set", "is_not_set"):
        return "none"
    if op in RELATIVE:
        return "relative"
    if info.choices and op in MANY:
        return "choices"
    if op in MANY:
        return "words" if info.type == "list" else "lines"
    kind = {"choice": "choice", "number": "number", "date": "date", "moment": "date", "boolean": "boolean"}
    single = kind.get(info.type, "text")
    return f"{single}s" if op == "between" else single
