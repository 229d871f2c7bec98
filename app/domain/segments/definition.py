"""The grammar of a segment: a frozen tree of conditions, read from JSON with an exact path for everything that is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, SerializeAsAny, ValidationError

from app.core.errors import Invalid, Issue, mark
from app.domain.segments.condition import Condition, Part
from app.domain.segments.kinds import KINDS

MOST_DEEP = 5
MOST_CONDITIONS = 50
Zone = Literal["organisation", "contact"]


class AllOf(Part):
    """Everybody whom all parts match; an empty one matches everybody."""

    all: tuple["Node", ...]


class AnyOf(Part):
    """Everybody whom at least one part matches; an empty one matches nobody."""

    any: tuple["Node", ...]


class Not(Part):
    """Everybody whom the part does not match."""

    inner: "Node" = Field(alias="not")


Node = AllOf | AnyOf | Not | SerializeAsAny[Condition]


class Definition(Part):
    """A whole segment. `zone` says whose calendar day "today" is in comparisons with dates."""

    version: Literal[1] = 1
    zone: Zone = "organisation"
    where: Node


for model in (AllOf, AnyOf, Not, Definition):
    model.model_rebuild()

_WORDS = {
    "missing": mark("This field is required."),
    "extra_forbidden": mark("There is no such field."),
    "uuid_parsing": mark("This is not a valid id."),
    "literal_error": mark("Choose one of the values offered."),
    "int_parsing": mark("This is not a whole number."),
    "int_type": mark("This is not a whole number."),
    "int_from_float": mark("This is not a whole number."),
    "string_type": mark("This must be text."),
    "string_too_short": mark("This field is required."),
    "string_too_long": mark("This is too long."),
    "string_pattern_mismatch": mark("This is not a date."),
    "greater_than_equal": mark("This number is out of range."),
    "less_than_equal": mark("This number is out of range."),
    "less_than": mark("This number is out of range."),
}


def parse(raw: object) -> Definition:
    """Read a definition from JSON.

    Raises Invalid; its details name what is wrong by its path, for example `where.all[1].value`.
    """
    issues: list[Issue] = []
    head = dict(raw) if isinstance(raw, Mapping) else {}
    if not isinstance(raw, Mapping):
        issues.append(Issue("", mark("A definition is an object with “where”.")))
    where = head.pop("where", None)
    node = _Reader(issues).node(where, "where", 1)
    try:
        read = Definition(where=AllOf(all=()), **head)
    except ValidationError as broke:
        issues += issues_of(broke, "")
    except TypeError:
        issues.append(Issue("", mark("There is no such field.")))
    if issues or node is None:
        raise Invalid(mark("The definition has mistakes."), details=tuple(issues))
    return read.model_copy(update={"where": node})


class _Reader:
    """Reads nodes, collecting what is wrong; a node with a mistake is None."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        self.conditions = 0

    def _wrong(self, path: str, message: str, **values: object) -> Any:
        self.issues.append(Issue(path, message, values or None))
        return None

    def node(self, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, mark("Put a condition or a group here."))
        groups = [name for name in ("all", "any", "not") if name in raw]
        if not groups:
            return self.condition(raw, path)
        if len(raw) != 1:
            return self._wrong(path, mark("A group is exactly one of “all”, “any” and “not”, and nothing else."))
        if depth > MOST_DEEP:
            return self._wrong(path, mark("Groups lie too deep: %(most)s levels at most."), most=MOST_DEEP)
        name = groups[0]
        return self.negated(raw, path, depth) if name == "not" else self.group(name, raw[name], path, depth)

    def negated(self, raw: Mapping[str, Any], path: str, depth: int) -> Not | None:
        # A "not" around a group is not a level of its own, but a chain of them is.
        chained = isinstance(raw["not"], Mapping) and "not" in raw["not"]
        inner = self.node(raw["not"], f"{path}.not", depth + chained)
        return Not.model_construct(inner=inner) if inner else None

    def group(self, name: str, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, list):
            return self._wrong(f"{path}.{name}", mark("A group holds a list."))
        found = [self.node(part, f"{path}.{name}[{n}]", depth + 1) for n, part in enumerate(raw)]
        if not all(found):
            return None
        return AllOf.model_construct(all=tuple(found)) if name == "all" else AnyOf.model_construct(any=tuple(found))

    def condition(self, raw: Mapping[str, Any], path: str) -> Any:
        self.conditions += 1
        if self.conditions == MOST_CONDITIONS + 1:
            return self._wrong(path, mark("Too many conditions: %(most)s at most."), most=MOST_CONDITIONS)
        kind = raw.get("kind")
        shape = KINDS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return self._wrong(f"{path}.kind", mark("There is no such kind of condition."))
        try:
            return shape.read(raw)
        except ValidationError as broke:
            self.issues += issues_of(broke, path)
            return None


def issues_of(broke: ValidationError, path: str) -> list[Issue]:
    """What pydantic found, by its path below `path`, in words of ours."""
    found = []
    for error in broke.errors():
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]]
        where = (path + "".join(steps)).strip(".")
        if error["type"] == "value_error":
            found.append(Issue(where, str(error["ctx"]["error"])))
        else:
            found.append(Issue(where, _WORDS.get(error["type"], mark("This value does not fit."))))
    return found


def children(node: Part, path: str) -> list[tuple[Any, str]]:
    """The parts directly below a group, each with its path; of a condition none."""
    if isinstance(node, AllOf):
        return [(part, f"{path}.all[{n}]") for n, part in enumerate(node.all)]
    if isinstance(node, AnyOf):
        return [(part, f"{path}.any[{n}]") for n, part in enumerate(node.any)]
    return [(node.inner, f"{path}.not")] if isinstance(node, Not) else []


def conditions(definition: Definition) -> Iterator[tuple[Condition, str]]:
    """Every condition in reading order with its path."""
    yield from _conditions(definition.where, "where")


def _conditions(node: Any, path: str) -> Iterator[tuple[Condition, str]]:
    below = children(node, path)
    if not below and not isinstance(node, AllOf | AnyOf):
        yield node, path
    for part, place in below:
        yield from _conditions(part, place)


def named_segments(definition: Definition) -> list[UUID]:
    """The segments a definition names itself."""
    return [named for found, _ in conditions(definition) for named in found.segments]


def everybody() -> Definition:
    """The definition that matches everybody: where a new segment begins."""
    return Definition(where=AllOf(all=()))
