"""An event as a page or a system tells it, and its bounds."""

import math
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError, to_json

from app.core import clock
from app.core.errors import mark
from app.core.text import clean
from app.domain.events.matching import WRITTEN

LARGEST, DEEPEST, MOST_KEYS = 8 * 1024, 3, 50
AHEAD = timedelta(minutes=5)  # clocks that run fast
OLDEST = timedelta(days=400)
KNOWN = ("id", "external_id", "email", "phone")


class Whose(BaseModel):
    """Who did it: one name of a contact, or a visitor's anonymous id, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: UUID | None = None
    external_id: str | None = Field(default=None, min_length=1, max_length=200)
    email: str | None = Field(default=None, min_length=1, max_length=320)
    phone: str | None = Field(default=None, min_length=1, max_length=40)
    anonymous_id: str | None = Field(default=None, min_length=8, max_length=100)

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """The names of contacts that were given: their kinds and values."""
        given = self.model_fields_set
        return [(kind, str(value)) for kind in KNOWN if kind in given and (value := getattr(self, kind)) is not None]

    @property
    def named(self) -> tuple[str, str] | None:
        """The contact it names: the kind of name and its value."""
        return self.names[0] if self.names else None

    @property
    def is_one(self) -> bool:
        """Whether it names anybody, and a contact once at most."""
        return len(self.names) == 1 or (not self.names and self.anonymous_id is not None)


class EventInput(BaseModel):
    """An event. `id` is the key under which it counts once; without it every telling is an event of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    event: str
    contact: Whose
    properties: dict[str, Any] = {}
    occurred_at: datetime | None = None
    id: str | None = Field(default=None, min_length=1, max_length=200)

    @field_validator("id")
    @classmethod
    def _is_plain(cls, key: str | None) -> str | None:
        return clean(key) or None if key else None

    @field_validator("event")
    @classmethod
    def _named(cls, name: str) -> str:
        if not WRITTEN.fullmatch(name):
            raise wrong(
                mark("Write the name in small letters and digits with _ . : or - between them, such as login_page.")
            )
        return name

    @field_validator("contact")
    @classmethod
    def _is_one(cls, whose: Whose) -> Whose:
        if not whose.is_one:
            raise wrong(
                mark("Name the contact once: by id, external_id, email or phone; or a visitor by his anonymous_id.")
            )
        return whose

    @field_validator("properties")
    @classmethod
    def _fits(cls, properties: dict[str, Any]) -> dict[str, Any]:
        check_properties(properties)
        return properties

    @field_validator("occurred_at")
    @classmethod
    def _is_near(cls, at: datetime | None) -> datetime | None:
        if at is None:
            return None
        if at.tzinfo is None:
            raise wrong(mark("Give a date and time with its zone, such as 2026-03-31T08:00:00Z."))
        now = clock.now()
        if at > now + AHEAD:
            raise wrong(mark("This is in the future."))
        if at < now - OLDEST:
            raise wrong(mark("Events are taken up to 400 days back."))
        return at

    @property
    def digest(self) -> bytes:
        """A hash of what was said, to tell a repetition from another event under the same id."""
        whose, at = self.contact, self.occurred_at
        content = [self.event, *(whose.named or ()), whose.anonymous_id, at and at.isoformat(), self.properties]
        return sha256(to_json(_in_order(content))).digest()


def wrong(sentence: str) -> PydanticCustomError:
    """What is wrong with a field, in our own words."""
    return PydanticCustomError("event", sentence)


def check_properties(properties: dict[str, Any]) -> None:
    """Raise for a bag that is too large, too deep or holds what cannot be kept."""
    if len(properties) > MOST_KEYS:
        raise wrong(mark("An event has 50 properties at most."))
    if any(not 0 < len(name) <= 64 or "\0" in name for name in properties):
        raise wrong(mark("The name of a property has 1 to 64 characters."))
    if not all(_is_kept(value, DEEPEST - 1) for value in properties.values()):
        raise wrong(
            mark("A property is a text, a number, yes or no, or a list or object of such, three levels deep at most.")
        )
    if len(to_json(properties)) > LARGEST:
        raise wrong(mark("The properties of an event have 8 kB at most."))


def _in_order(value: Any) -> Any:
    """The same, whichever order the names in it were told in."""
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(one) for one in value] if isinstance(value, list) else value


def _is_kept(value: Any, deeper: int) -> bool:
    if isinstance(value, dict):
        return deeper > 0 and all("\0" not in name and _is_kept(one, deeper - 1) for name, one in value.items())
    if isinstance(value, list):
        return deeper > 0 and all(_is_kept(one, deeper - 1) for one in value)
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, float) or math.isfinite(value)
