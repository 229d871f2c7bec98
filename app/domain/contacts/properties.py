"""Custom properties: definitions with a type, and values brought to their type."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.core.text import clean
from app.domain.audit import trail
from app.domain.contacts.models import PROPERTY_TYPES, PropertyDefinition

MOST = 200
LONGEST_TEXT = 2_000
LARGEST = 10**18  # texts cannot reckon with more
_KEY = re.compile(r"[^\W\d_]\w{0,59}")
_NUMBER = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,6}))?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")
_YES = {"true", "yes", "1", "כן"}
_NO = {"false", "no", "0", "לא"}


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


def typed(kind: str, value: Any) -> Any:
    """The value as it is kept: text, an int or float, a bool, an ISO date, a list of texts. Raises ValueError."""
    if kind == "list":
        items = value if isinstance(value, list | tuple) else str(value).replace(";", ",").split(",")
        return [text for item in items if (text := clean(str(item)))]
    if kind == "number":
        return within(value) if isinstance(value, int | float) and not isinstance(value, bool) else number(str(value))
    if kind == "boolean":
        return value if isinstance(value, bool) else boolean(str(value))
    if kind == "date":
        return value.isoformat() if isinstance(value, date) else day(str(value))
    text = clean(str(value))
    if len(text) > LONGEST_TEXT:
        raise ValueError("too long")
    return text


def within(value: float) -> int | float:
    """The number itself, if it can be kept and reckoned with: not infinite, no NaN. Raises ValueError."""
    if not -LARGEST <= value <= LARGEST:
        raise ValueError("not a number, or too large")
    return value


def number(value: str) -> int | float:
    """A number as people write it: 1234, -12.5, 1,234.50. Raises ValueError."""
    text = value.strip().lstrip("₪$€").strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError("not a number")
    return float(text) if match.group(3) else int(text)


def boolean(value: str) -> bool:
    """Yes or no, also in Hebrew. Raises ValueError."""
    text = value.strip().lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise ValueError("neither yes nor no")


def day(value: str) -> str:
    """A date in ISO form, from 2026-03-31, 31/3/2026 or 31.3.2026. Raises ValueError."""
    text = value.strip()
    match = _DAY_FIRST.fullmatch(text)
    if match:
        return date(int(match.group(3)), int(match.group(2)), int(match.group(1))).isoformat()
    return date.fromisoformat(text[:10] if len(text) > 10 and text[10] in "T " else text).isoformat()


def sorted_out(session: Session, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Typed values, the clear ones and the personal ones; empty values are left out. Raises Invalid."""
    known = {row.key: row for row in listed(session)}
    clear: dict[str, Any] = {}
    personal: dict[str, Any] = {}
    for key, value in values.items():
        row = known.get(key)
        if row is None:
            raise Invalid.field("properties", mark("There is no property “%(key)s”. Define it first."), key=key)
        if value is None or value in ("", []):
            continue
        try:
            (personal if row.is_pii else clear)[key] = typed(row.type, value)
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
