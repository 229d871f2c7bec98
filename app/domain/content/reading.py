"""What a text reads: every variable with its line, and those that print as nothing where a contact has no value."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression

from app.domain.content.sandbox import children, parse

_OF_A_VALUE = frozenset({"size", "first", "last"})


@dataclass
class Reading:
    """`variables` and `maybe_empty`: dotted path -> the first line it stands in."""

    variables: dict[str, int] = field(default_factory=dict)
    maybe_empty: dict[str, int] = field(default_factory=dict)


def read(source: str) -> Reading:
    """Walk through a text. Raises TemplateError when it does not parse."""
    made = parse(source)
    found = Reading()
    for path, places in made.analyze(include_partials=False).globals.items():
        for place in places:
            name = dotted(place.segments) or path
            line = source.count("\n", 0, max(place.span.index, 0)) + 1
            found.variables[name] = min(line, found.variables.get(name, line))
    for name, line in _printed(made.nodes, made, frozenset()):
        if name in found.variables and name not in found.maybe_empty:
            found.maybe_empty[name] = line
    return found


def variables(source: str) -> set[str]:
    """The dotted paths a text reads from outside. Raises TemplateError."""
    return set(read(source).variables)


def dotted(segments: object) -> str:
    """A path as people write it: `contact.properties.tier` also for contact["properties"]["tier"].

    A value's own size and ends are the value.
    """
    assert isinstance(segments, list)
    parts = [part if isinstance(part, str) else "[...]" for part in segments]
    while len(parts) > 2 and parts[-1] in _OF_A_VALUE:
        parts.pop()
    return ".".join(parts)


def _printed(nodes: list[Node], made: BoundTemplate, asked: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Paths that are printed without `default`, unless a condition around them has asked about them."""
    for node in nodes:
        if isinstance(node, OutputNode):
            expression = node.expression
            assert isinstance(expression, FilteredExpression)
            filters = {filter_.name for filter_ in expression.filters or ()}
            if isinstance(expression.left, Path) and "default" not in filters:
                name = dotted(expression.left.path)
                if name not in asked:
                    yield name, node.token.source.count("\n", 0, node.token.start_index) + 1
            continue
        inside = asked
        if isinstance(node, IfNode | UnlessNode | CaseNode | ForNode):
            inside = asked | {name for expression in _conditions(node) for name in _paths(expression)}
        yield from _printed(list(children(node, made)), made, inside)


def _conditions(node: Node) -> Iterator[Expression]:
    yield from node.expressions()
    if isinstance(node, IfNode):
        for other in node.alternatives:
            yield other.expression


def _paths(expression: Expression) -> Iterator[str]:
    if isinstance(expression, Path):
        yield dotted(expression.path)
    for child in expression.children():
        yield from _paths(child)
