"""What every condition is: one class that is read, checked, compiled, explained and said."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer
from sqlalchemy import RowMapping

from app.domain.segments.context import CompileContext, Predicate
from app.domain.segments.fields import Catalogue
from app.domain.segments.saying import Names, Said

Id = Annotated[UUID, PlainSerializer(str)]


class Part(BaseModel):
    """Base of everything in a definition: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)

    def dump(self) -> dict[str, Any]:
        """The part as JSON, without what nobody said."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Unfit(ValueError):
    """A value does not fit: `place` is the path below the condition."""

    def __init__(self, place: str, message: str, **values: object) -> None:
        super().__init__(message)
        self.place, self.message, self.values = place, message, values


ANY_EVENT = "*"


@dataclass(frozen=True)
class Dependencies:
    """What has to change before somebody comes in or goes out.

    Fields of the contact, events by name (`*` is any), the messages he got, his consent, facts of the bank, other segments,
    and, where it is `relative`, the time alone.
    """

    fields: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    messages: bool = False
    consent: bool = False
    bank: bool = False
    segments: frozenset[UUID] = frozenset()
    relative: bool = False

    def __or__(self, other: "Dependencies") -> "Dependencies":
        return Dependencies(
            self.fields | other.fields,
            self.events | other.events,
            self.messages or other.messages,
            self.consent or other.consent,
            self.bank or other.bank,
            self.segments | other.segments,
            self.relative or other.relative,
        )


class Condition(Part):
    """A condition about a contact. A new kind is one such class, and its line in `kinds`."""

    kind: str
    has_value: ClassVar[bool] = False  # whether `held` says more than the verdict does
    permission: ClassVar[str] = ""  # what it takes to ask it, and to be told what `held` found

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """The condition of a piece of JSON. Raises pydantic's ValidationError."""
        return cls.model_validate(dict(raw))

    def checked(self, _known: Catalogue) -> Self:
        """Itself with its values in their normal form. Raises Unfit."""
        return self

    @abstractmethod
    def compile(self, around: CompileContext) -> Predicate:
        """Itself as a predicate on `live.contacts`: true or not, possibly NULL, with everything bound."""

    def held(self, _around: CompileContext, _row: RowMapping) -> Any:
        """What a contact, a row of `live.contacts`, has now of what is asked for."""
        return None

    def shown(self, value: Any) -> Any:
        """What `held` found, as people are told it: itself, or a clause."""
        return value

    @abstractmethod
    def words(self, names: Names) -> Said:
        """Itself as a clause of a sentence."""

    @property
    def segments(self) -> tuple[UUID, ...]:
        """The segments it names, under `segment`."""
        return ()

    @property
    def uses(self) -> tuple[tuple[str, UUID], ...]:
        """What else it names by its id: (kind, id) of things that cannot go away while they are used."""
        return tuple(("segment", segment) for segment in self.segments)

    @property
    @abstractmethod
    def needs(self) -> Dependencies:
        """What it has to be worked out again for."""
