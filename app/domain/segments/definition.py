"""The grammar of a segment (spec/api.md): a frozen tree, read from JSON with an exact path for everything that is wrong."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from app.core.clock import is_day
from app.core.errors import Invalid, Issue, mark

MOST_DEEP = 5
MOST_CONDITIONS = 50
MOST_VALUES = 1000
BUCKETS = 10_000
CHANNELS = ("sms", "email")
ENGAGEMENTS = ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed", "failed")
UNITS = ("hours", "days", "weeks", "months", "years")

Id = Annotated[UUID, PlainSerializer(str)]
Zone = Literal["organisation", "contact"]
Comparison = Literal["eq", "neq", "gt", "gte", "lt", "lte"]


class Part(BaseModel):
    """Base of everything in a definition: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)

    def dump(self) -> dict[str, Any]:
        """The part as JSON, without what nobody said."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Span(Part):
    """When: the last so many units, or from a day to a day, both included."""

    last: int | None = Field(default=None, ge=1, le=3660)
    unit: Literal["hours", "days", "weeks", "months", "years"] = "days"
    first_day: str | None = Field(default=None, alias="from", pattern=r"^\d{4}-\d{2}-\d{2}$")
    last_day: str | None = Field(default=None, alias="to", pattern=r"^\d{4}-\d{2}-\d{2}$")

    @model_validator(mode="after")
    def _one_way(self) -> "Span":
        if (self.last is None) == (self.first_day is None and self.last_day is None):
            raise ValueError(mark("Say either “last” and “unit”, or “from” and “to”."))
        if not all(is_day(day) for day in (self.first_day, self.last_day) if day):
            raise ValueError(mark("This is not a date. Write it as 2026-12-31."))
        return self


class Times(Part):
    """How often."""

    op: Comparison = "gte"
    value: int = Field(default=1, ge=0, le=10_000)


class FieldIs(Part):
    """A field of the contact compared with a value; which operators and values fit is told by its type (fields.py)."""

    kind: Literal["field"] = "field"
    field: str = Field(min_length=1, max_length=120)
    op: str = Field(min_length=1, max_length=30)
    value: Any = None
    unit: Literal["days", "weeks", "months", "years"] | None = None


class Consented(Part):
    """The present consent to a channel; nobody who was never asked has either state."""

    kind: Literal["consent"] = "consent"
    channel: Literal["sms", "email"]
    purpose: Literal["marketing"] = "marketing"
    op: Literal["eq", "neq"] = "eq"
    value: Literal["granted", "withdrawn", "unknown"] = "granted"


class Messaged(Part):
    """What happened to messages of ours; without `times` at least once."""

    kind: Literal["message"] = "message"
    did: Literal["sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed", "failed"]
    who: Literal["human", "any"] = "human"
    channel: Literal["sms", "email"] | None = None
    campaign: Id | None = None
    times: Times = Times()
    within: Span | None = None


class InSegment(Part):
    """Whoever another segment matches at the same moment."""

    kind: Literal["segment"] = "segment"
    segment: Id
    op: Literal["in", "not_in"] = "in"


class InBucket(Part):
    """A stable random share: contacts fall into 10,000 buckets by a keyed hash of `salt` and their id."""

    kind: Literal["bucket"] = "bucket"
    salt: str = Field(min_length=1, max_length=60)
    first: int = Field(alias="from", ge=0, lt=BUCKETS)
    last: int = Field(alias="to", ge=0, lt=BUCKETS)

    @model_validator(mode="after")
    def _upward(self) -> "InBucket":
        if self.last < self.first:
            raise ValueError(mark("“from” must not be greater than “to”."))
        return self


Condition = FieldIs | Consented | Messaged | InSegment | InBucket


class AllOf(Part):
    """Everybody whom all parts match; an empty one matches everybody."""

    all: tuple["Node", ...]


class AnyOf(Part):
    """Everybody whom at least one part matches; an empty one matches nobody."""

    any: tuple["Node", ...]


class Not(Part):
    """Everybody whom the part does not match."""

    inner: "Node" = Field(alias="not")


Node = AllOf | AnyOf | Not | FieldIs | Consented | Messaged | InSegment | InBucket


class Definition(Part):
    """A whole segment. `zone` says whose calendar day "today" is in comparisons with dates."""

    version: Literal[1] = 1
    zone: Zone = "organisation"
    where: Node


for model in (AllOf, AnyOf, Not, Definition):
    model.model_rebuild()

_CONDITIONS: dict[str, type[Part]] = {
    "field": FieldIs, "consent": Consented, "message": Messaged, "segment": InSegment, "bucket": InBucket,
}  # fmt: skip
_LATER = frozenset({"event", "sequence", "bank"})
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
        issues += _issues(broke, "")
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
        if isinstance(kind, str) and kind in _LATER:
            return self._wrong(f"{path}.kind", mark("Conditions of the kind “%(kind)s” cannot be used yet."), kind=kind)
        shape = _CONDITIONS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return self._wrong(f"{path}.kind", mark("There is no such kind of condition."))
        try:
            return shape.model_validate(dict(raw))
        except ValidationError as broke:
            self.issues += _issues(broke, path)
            return None


def _issues(broke: ValidationError, path: str) -> list[Issue]:
    found = []
    for error in broke.errors():
        where = ".".join([path, *map(str, error["loc"])]).strip(".")
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
    return [found.segment for found, _ in conditions(definition) if isinstance(found, InSegment)]


def everybody() -> Definition:
    """The definition that matches everybody: where a new segment begins."""
    return Definition(where=AllOf(all=()))
