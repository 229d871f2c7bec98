"""Commands out of forms and bodies, and their errors back onto the fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_wtf import FlaskForm
from pydantic import BaseModel, ConfigDict, ValidationError

from app.core import jsontext
from app.core.clock import is_day
from app.core.errors import Conflict, Invalid, Issue, mark
from app.core.page import PER_PAGE, Ask
from app.http.errors import said

_VERSION = re.compile(r"[0-9]{1,9}")
Command = TypeVar("Command", bound=BaseModel)

# The library's messages in our words; what is not here keeps its own English.
_WORDS = {
    "missing": mark("This field is required."),
    "string_too_short": mark("This field is required."),
    "string_too_long": mark("This is too long."),
    "extra_forbidden": mark("There is no such field."),
    "uuid_parsing": mark("This is not a valid id."),
    "int_parsing": mark("This is not a whole number."),
    "decimal_parsing": mark("This is not a number."),
    "datetime_from_date_parsing": mark("This is not a date and time."),
    "literal_error": mark("Choose one of the values offered."),
}


def json_object(raw: bytes | str) -> dict[str, Any] | None:
    """A JSON object, or None if it is none: not JSON, without a bottom, or with half a character in it."""
    try:
        found = jsontext.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def address(given: str) -> SplitResult:
    """An address somebody sent, in its parts; the empty one if it is none."""
    try:
        return urlsplit(given)
    except ValueError:
        return urlsplit("")


def own_path(given: str) -> str:
    """A path of ours that somebody sent, to lead him back to; empty for anything else.

    A browser leaves out control characters and takes a backslash for a slash: such an address may lead elsewhere.
    """
    parts = address(given)
    is_plain = given.isprintable() and "\\" not in given and not given.startswith("//")
    return given if is_plain and given.startswith("/") and parts.path.startswith("/") and not parts.netloc else ""


def uuids(given: Iterable[str]) -> list[UUID]:
    """The ids among some values of a form, each once; what is none is left out."""
    found: dict[UUID, None] = {}
    for one in given:
        with suppress(ValueError):
            found[UUID(one)] = None
    return list(found)


def version(given: str | None) -> int | None:
    """A version as a form or a header carries it, or None if it is none."""
    return int(given) if given and _VERSION.fullmatch(given) else None


class Strict(BaseModel):
    """Base of every command: frozen, unknown fields refused, text stripped."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def read(kind: type[Command], values: Mapping[str, Any]) -> Command:
    """A command from plain values. Raises Invalid with one issue a field."""
    try:
        return kind.model_validate(values)
    except ValidationError as broke:
        raise Invalid(mark("Some fields are not right."), details=tuple(_issue(e) for e in broke.errors())) from None


def _issue(error: Any) -> Issue:
    field = ".".join(str(part) for part in error["loc"]) or "body"
    message = _WORDS.get(error["type"])
    return Issue(field, message) if message else Issue(field, str(error["msg"]).replace("%", "%%"))


def validate(form: FlaskForm, *others: Callable[[], object]) -> bool:
    """True if the form is right and none of the others raises Invalid; all that is wrong is on the form then, at once."""
    good = form.validate()
    for other in others:
        try:
            other()
        except Invalid as error:
            good = False
            onto(form, error)
    return bool(good)


def onto(form: FlaskForm, error: Invalid | Conflict) -> None:
    """Put a domain error onto the form's fields; what fits no field goes to the form's own errors.

    A field that has an error already keeps that one: what the domain says of it would be the same once more.
    """
    refused = {field.name for field in form if field.errors}
    for issue in error.details or (Issue("", error.message, error.values),):
        field = getattr(form, issue.field.split(".")[0], None) if issue.field else None
        if field is not None and hasattr(field, "errors"):
            field.errors = [*field.errors, *([] if field.name in refused else [said(issue)])]
        else:
            form.form_errors.append(said(issue))


def page_asked(arguments: Mapping[str, str], rows: int = PER_PAGE) -> Ask:
    """The page asked for in an address, of `rows` where it says nothing else. Raises Invalid."""
    try:
        per_page = int(arguments.get("per_page", rows))
    except ValueError:
        raise Invalid.field("per_page", mark("This is not a whole number.")) from None
    return Ask(cursor=arguments.get("cursor") or None, per_page=per_page)


def days(first: str, last: str, zone: str) -> tuple[datetime | None, datetime | None]:
    """Two days, both included and both optional, as moments in a zone: from the first, to before the second.

    Raises Invalid, on the fields `from` and `until`.
    """
    found: dict[str, date] = {}
    for name, day in (("from", first.strip()), ("until", last.strip())):
        if day:
            if not is_day(day):
                raise Invalid.field(name, mark("This is not a date. Write it as 2026-12-31."))
            found[name] = date.fromisoformat(day)
    if len(found) == 2 and found["until"] < found["from"]:
        raise Invalid.field("until", mark("The last day is before the first."))
    if "until" in found:
        found["until"] += timedelta(days=1)
    starts = {name: datetime.combine(at, time(0), ZoneInfo(zone)) for name, at in found.items()}
    return starts.get("from"), starts.get("until")
