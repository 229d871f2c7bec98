"""Which column becomes what: guesses from Hebrew and English words, options of an import, and their checks."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import Invalid, mark
from app.domain.contacts import properties

MANY = ("email", "phone", "tags")  # several columns may go there
PROPERTY = "properties."
FIELDS: dict[str, tuple[str, ...]] = {
    "external_id": (
        "external_id", "client_id", "customer_id", "contact_id", "customer_number", "client_number", "customer_no", "id",
        "מספר_לקוח", "מזהה", "מזהה_לקוח", "לקוח", "תז", "ת_ז", "מספר_זהות", "תעודת_זהות",
    ),
    "email": (
        "email", "e_mail", "mail", "email_address", "e_mail_address", "אימייל", "דואל", "דוא_ל", "מייל",
        "דואר_אלקטרוני", "כתובת_מייל", "כתובת_אימייל",
    ),
    "phone": (
        "phone", "mobile", "cell", "cellphone", "mobile_phone", "phone_number", "telephone", "tel", "msisdn",
        "טלפון", "נייד", "טלפון_נייד", "מספר_טלפון", "סלולרי", "פלאפון",
    ),
    "first_name": ("first_name", "firstname", "given_name", "forename", "שם_פרטי"),
    "last_name": ("last_name", "lastname", "surname", "family_name", "שם_משפחה"),
    "gender": ("gender", "sex", "מין", "מגדר"),
    "language": ("language", "lang", "locale", "שפה"),
    "timezone": ("timezone", "time_zone", "tz", "אזור_זמן"),
    "country": ("country", "country_code", "מדינה", "ארץ"),
    "city": ("city", "town", "עיר", "יישוב", "ישוב"),
    "postal_code": ("postal_code", "postcode", "zip", "zip_code", "מיקוד"),
    "lifecycle_stage": ("lifecycle_stage", "lifecycle", "stage"),
    "tags": ("tags", "tag", "labels", "תגיות", "תגית"),
    "consent": (),  # never guessed: somebody has to say that this column is one
}  # fmt: skip
LABELS = {
    "external_id": mark("Customer number"),
    "email": mark("E-mail"),
    "phone": mark("Phone"),
    "first_name": mark("First name"),
    "last_name": mark("Last name"),
    "gender": mark("Gender"),
    "language": mark("Language"),
    "timezone": mark("Time zone"),
    "country": mark("Country"),
    "city": mark("City"),
    "postal_code": mark("Postal code"),
    "lifecycle_stage": mark("Lifecycle stage"),
    "tags": mark("Tags"),
    "consent": mark("Consent (yes or no)"),
}
_BY_WORD = {word: field for field, words in FIELDS.items() for word in words}
_TRUTH = {"true", "false"}


class ImportOptions(BaseModel):
    """What to make of a file: {column: field}, where a field is a contact's, "properties.<key>" or "" (leave out).

    `types` are the types of properties that are not defined yet. `consent` names the channels everybody in the file allowed
    on `basis`, or only those whose row says yes, when a column is mapped to "consent". `demonstration` makes up a person for
    every external id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    mapping: dict[str, str] = {}
    types: dict[str, str] = {}
    dedupe: Literal["update", "skip", "fill"] = "update"
    demonstration: bool = False
    consent: tuple[Literal["sms", "email"], ...] = ()
    basis: str = Field(default="", max_length=200)
    wording: str = Field(default="", max_length=200)
    tags: tuple[str, ...] = Field(default=(), max_length=20)


def guess(columns: Sequence[str]) -> dict[str, str]:
    """A field for every column: the one its name means, otherwise a property."""
    mapping: dict[str, str] = {}
    for column in columns:
        word = properties.key_of(re.sub(r"[\"'״׳]", "", column))
        field = _BY_WORD.get(word)
        if field and (field in MANY or field not in mapping.values()):
            mapping[column] = field
        else:
            mapping[column] = f"{PROPERTY}{_free_key(word or f'column_{len(mapping) + 1}', mapping)}"
    return mapping


def _free_key(word: str, mapping: dict[str, str]) -> str:
    key, twin = word, 2
    while f"{PROPERTY}{key}" in mapping.values():
        key, twin = f"{word[:56]}_{twin}", twin + 1
    return key


def guess_types(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """The type of every column, from the values of some rows: number, boolean, date or text."""
    return {
        column: _type([row[place].strip() for row in rows if row[place].strip()])
        for place, column in enumerate(columns)
    }


def _type(values: Sequence[str]) -> str:
    if not values:
        return "text"
    if all(value.lower() in _TRUTH for value in values):
        return "boolean"
    for kind, reads in (("number", properties.number), ("date", properties.day)):
        if all(_can(reads, value) for value in values):
            # 007 and 0501234567 are codes, not amounts
            return "text" if kind == "number" and any(re.fullmatch(r"0\d+", v) for v in values) else kind
    return "text"


def _can(reads: object, value: str) -> bool:
    try:
        reads(value)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def check(columns: Sequence[str], options: ImportOptions) -> None:
    """Raise Invalid when these options cannot be carried out on these columns."""
    unknown = set(options.mapping) - set(columns)
    if unknown:
        raise Invalid.field("mapping", mark("The file has no column “%(column)s”."), column=min(unknown))
    fields = [field for field in options.mapping.values() if field]
    for field in fields:
        if field not in FIELDS and not field.startswith(PROPERTY):
            raise Invalid.field("mapping", mark("There is no field “%(name)s”."), name=field)
        if field not in MANY and fields.count(field) > 1:
            raise Invalid.field("mapping", mark("Two columns go to “%(name)s”. Leave one of them out."), name=field)
    if not {"external_id", "email", "phone"} & set(fields):
        raise Invalid.field("mapping", mark("Choose the column that tells who it is: customer number, e-mail or phone."))
    if options.demonstration and "external_id" not in fields:
        raise Invalid.field(
            "demonstration", mark("Demonstration people are made from a number: map a column to the customer number.")
        )
    _check_consent(fields, options)


def _check_consent(fields: Sequence[str], options: ImportOptions) -> None:
    if "consent" in fields and not options.consent:
        raise Invalid.field("consent", mark("Choose the channels that the consent column speaks of."))
    if options.consent and not options.basis:
        raise Invalid.field("basis", mark("Say how these people allowed it: a form, a call, a branch visit."))
