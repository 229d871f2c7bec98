"""A definition as a plain sentence: message ids and values, put into a language at the door."""

from typing import Any

from app.core.errors import mark
from app.domain.segments.definition import AllOf, AnyOf, Definition, Not
from app.domain.segments.saying import Listed, Names, Said

_AND, _OR = mark(" and "), mark(" or ")


def sentence(definition: Definition, names: Names) -> Said:
    """The whole definition as one sentence."""
    where = definition.where
    if isinstance(where, AllOf) and not where.all:
        return Said(mark("Everybody."))
    if isinstance(where, AnyOf) and not where.any:
        return Said(mark("Nobody: add a condition."))
    return Said(mark("Everybody for whom %(conditions)s."), {"conditions": _node(where, names, is_top=True)})


def _node(node: Any, names: Names, *, is_top: bool = False) -> Any:
    if isinstance(node, Not):
        return Said(mark("it is not true that %(conditions)s"), {"conditions": _node(node.inner, names)})
    if not isinstance(node, AllOf | AnyOf):
        return node.words(names)
    parts, between = (node.all, _AND) if isinstance(node, AllOf) else (node.any, _OR)
    if not parts:
        return Said(mark("anything holds")) if isinstance(node, AllOf) else Said(mark("nothing holds"))
    said = Listed(tuple(_node(part, names) for part in parts), between)
    return said if is_top or len(parts) == 1 else Said(mark("(%(conditions)s)"), {"conditions": said})
