"""From the fields of one file row to what it says of one contact, checked and in the product's forms."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from app.core import phone
from app.core.errors import mark
from app.core.text import clean
from app.core.text import email as normal_email
from app.domain.contacts import values
from app.domain.transfer import demonstration
from app.domain.transfer.mapping import PROPERTY, ImportOptions

_REMEMBERED = 5_000  # values of one column whose check is kept: most columns repeat themselves
_LONGEST_KEY = 200
_BETWEEN_ADDRESSES = re.compile(r"[;,/|\n]|\s+(?=[+0]|\S+@)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{2,4})?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGES = {"hebrew": "he", "עברית": "he", "english": "en", "אנגלית": "en", "iw": "he"}
_GENDERS = {
    "f": "female", "female": "female", "woman": "female", "נ": "female", "נקבה": "female", "אישה": "female",
    "m": "male", "male": "male", "man": "male", "ז": "male", "זכר": "male", "גבר": "male",
}  # fmt: skip
_COUNTRIES = {"ISRAEL": "IL", "ישראל": "IL"}
_LONGEST = {"first_name": 100, "last_name": 100, "city": 120, "postal_code": 20, "lifecycle_stage": 40}
PLAIN = ("language", "gender", "timezone", "country", "city", "postal_code", "lifecycle_stage")


class Bad(ValueError):
    """A row that cannot be taken: the column at fault and why, as a message id."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@dataclass(slots=True)
class Draft:
    """What one row says of one contact. What it does not say is empty; `clear` is the inside of a JSON object."""

    external_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    plain: dict[str, str] = field(default_factory=dict)
    clear: str = ""
    personal: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    consent: bool = False
    flaws: tuple[tuple[str, str], ...] = ()  # (column, reason) of addresses left out

    @property
    def properties(self) -> dict[str, Any]:
        """The clear properties as values."""
        return json.loads(f"{{{self.clear}}}")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Typed:
    """A property as a row needs it."""

    key: str
    type: str
    is_pii: bool


class Place(NamedTuple):
    """Where the organisation is: whose numbers need no country code, and whose days count."""

    region: str
    zone: str


class RowMapper:
    """The columns of a file, compiled once: calling it turns the fields of a row into a Draft, or raises Bad."""

    def __init__(
        self, columns: Sequence[str], options: ImportOptions, known: Mapping[str, Typed], here: "Place"
    ) -> None:
        self._columns = columns
        self._region, self._zone = here
        self._demonstration = options.demonstration
        self._tags = tuple(dict.fromkeys(t for tag in options.tags if (t := clean(tag)[:60])))
        self._consent = bool(options.consent)
        at: dict[str, list[int]] = {}
        for place, column in enumerate(columns):
            if target := options.mapping.get(column):
                at.setdefault(target, []).append(place)
        self._external_id = at.get("external_id", [None])[0]
        self._consent_at = at.get("consent", [None])[0]
        self._emails, self._phones, self._tag_columns = at.get("email", []), at.get("phone", []), at.get("tags", [])
        self._names = [(name, at[name][0]) for name in ("first_name", "last_name") if name in at]
        self._plain: list[tuple[str, int, dict[str, str]]] = [(name, at[name][0], {}) for name in PLAIN if name in at]
        typed = [(known[t.removeprefix(PROPERTY)], places[0]) for t, places in at.items() if t.startswith(PROPERTY)]
        self._clear: list[tuple[int, Typed, dict[str, str]]] = [(place, p, {}) for p, place in typed if not p.is_pii]
        self._personal = [(place, p) for p, place in typed if p.is_pii]

    def __call__(self, fields: list[str]) -> Draft:
        """What a row says of a contact. Raises Bad."""
        draft = Draft(consent=self._consent, tags=self._tags)
        if self._external_id is not None:
            draft.external_id = self._key(fields[self._external_id]) or None
        if self._consent_at is not None:
            draft.consent = self._agreed(self._consent_at, fields)
        if self._demonstration:
            self._make_up(draft)
        else:
            self._reach(draft, fields)
        self._fill_plain(draft, fields)
        draft.clear = self._properties(fields)
        for place, wanted in self._personal:
            if value := fields[place].strip():
                draft.personal[wanted.key] = self._typed(wanted, place, value)
        if self._tag_columns:
            draft.tags = self._tagged(draft.tags, fields)
        return draft

    def _fill_plain(self, draft: Draft, fields: list[str]) -> None:
        for name, place, memo in self._plain:
            if value := fields[place].strip():
                draft.plain[name] = memo.get(value) or self._remember(
                    memo, value, self._plain_value(name, place, value)
                )

    def _key(self, value: str) -> str:
        key = clean(value)
        if len(key) > _LONGEST_KEY:
            raise Bad(self._column(self._external_id), mark("The customer number is too long."))
        return key

    def _agreed(self, place: int, fields: list[str]) -> bool:
        """A clear yes; a blank is not one, and neither is a no, which withdraws nothing."""
        value = fields[place].strip()
        try:
            return bool(value) and values.boolean(value)
        except ValueError:
            raise Bad(self._column(place), _NOT["boolean"]) from None

    def _reach(self, draft: Draft, fields: list[str]) -> None:
        for name, place in self._names:
            if value := clean(fields[place]):
                setattr(draft, name, self._short(name, place, value))
        if self._emails:
            draft.emails = self._all(draft, fields, self._emails, normal_email, _NOT["email"])
        if self._phones:
            draft.phones = self._all(draft, fields, self._phones, self._phone, _NOT["phone"])
        if not (draft.external_id or draft.emails or draft.phones):
            raise Bad(*(draft.flaws[0] if draft.flaws else self._nobody()))

    def _nobody(self) -> tuple[str, str]:
        if self._external_id is not None:
            return self._column(self._external_id), mark("The customer number is missing.")
        place = (self._emails or self._phones)[0]
        return self._column(place), mark("There is neither an e-mail address nor a phone number.")

    def _all(
        self, draft: Draft, fields: list[str], places: list[int], normal: Callable[[str], str | None], reason: str
    ) -> tuple[str, ...]:
        """The good addresses of some columns; a bad one is a flaw of the row, which says all else all the same."""
        found: list[str] = []
        for place in places:
            if value := fields[place].strip():
                clear = normal(value)
                if clear is None:
                    clear = self._several(value, normal, found)
                if clear is None:
                    draft.flaws = (*draft.flaws, (self._column(place), reason))
                else:
                    found.append(clear)
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))

    @staticmethod
    def _several(value: str, normal: Callable[[str], str | None], found: list[str]) -> str | None:
        """Several addresses in one cell: the last of them, the others are found; None if one of them is bad."""
        clear = [normal(part) for part in _BETWEEN_ADDRESSES.split(value) if part.strip()]
        if len(clear) < 2 or None in clear:
            return None
        found += [one for one in clear[:-1] if one]
        return clear[-1]

    def _phone(self, value: str) -> str | None:
        return phone.parse(value, self._region)

    def _make_up(self, draft: Draft) -> None:
        key = draft.external_id or ""
        client = int(key) if key.isascii() and key.isdigit() and len(key) < 9 else 0
        if not 1 <= client <= demonstration.LAST_CLIENT:
            raise Bad(self._column(self._external_id), mark("Demonstration people need a number from 1 to 7999999."))
        person = demonstration.person(client)
        draft.first_name, draft.last_name = person.first_name, person.last_name
        draft.phones = (person.phone,)
        draft.emails = (person.email,) if person.email else ()
        draft.plain["gender"], draft.plain["language"] = person.gender, person.language
        draft.consent = person.consent
        if person.tag:
            draft.tags = (*draft.tags, person.tag)

    def _properties(self, fields: list[str]) -> str:
        parts = []
        for place, wanted, memo in self._clear:
            value = fields[place]
            if value:
                part = memo.get(value)
                if part is None:
                    part = self._remember(memo, value, self._json(wanted, place, value))
                if part:
                    parts.append(part)
        return ",".join(parts)

    def _json(self, wanted: Typed, place: int, value: str) -> str:
        if not value.strip():
            return ""
        made = self._typed(wanted, place, value)
        # a number is written as Python writes it: that is JSON too, and quicker than asking an encoder
        said = str(made) if type(made) in (int, float) else json.dumps(made, ensure_ascii=False)
        return f'"{wanted.key}":{said}'

    def _typed(self, wanted: Typed, place: int, value: str) -> Any:
        try:
            return values.typed(wanted.type, value, self._zone)
        except ValueError:
            raise Bad(self._column(place), _NOT[wanted.type]) from None

    def _plain_value(self, name: str, place: int, value: str) -> str:
        given = clean(value)
        if name == "gender":
            found = _GENDERS.get(given.lower())
        elif name == "language":
            given = _LANGUAGES.get(given.lower(), given.lower())
            found = given if _LANGUAGE.fullmatch(given) else None
        elif name == "country":
            given = _COUNTRIES.get(given.upper(), given.upper())
            found = given if _COUNTRY.fullmatch(given) else None
        elif name == "timezone":
            found = given if given in available_timezones() else None
        else:
            return self._short(name, place, given)
        if found is None:
            raise Bad(self._column(place), _NOT[name])
        return found

    def _short(self, name: str, place: int, value: str) -> str:
        if len(value) > _LONGEST[name]:
            raise Bad(self._column(place), mark("The text is too long."))
        return value

    def _tagged(self, tags: tuple[str, ...], fields: list[str]) -> tuple[str, ...]:
        found = dict.fromkeys(tags)
        for place in self._tag_columns:
            found |= {t: None for tag in fields[place].replace(";", ",").split(",") if (t := clean(tag)[:60])}
        return tuple(found)

    def _column(self, place: int | None) -> str:
        return self._columns[place] if place is not None else ""

    @staticmethod
    def _remember(memo: dict[str, str], value: str, made: str) -> str:
        if len(memo) < _REMEMBERED:
            memo[value] = made
        return made


_NOT = {
    "email": mark("This is not a valid e-mail address."),
    "phone": mark("This is not a valid phone number."),
    "text": mark("The text is too long."),
    "number": mark("This is not a number."),
    "boolean": mark("This is neither yes nor no."),
    "date": mark("This is not a date."),
    "list": mark("This is not a list."),
    "gender": mark("This is neither female nor male."),
    "language": mark("This is not a language code such as he or en."),
    "country": mark("This is not a country code such as IL."),
    "timezone": mark("There is no such time zone. Asia/Jerusalem is one."),
}
