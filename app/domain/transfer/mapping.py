"""Which column becomes what: guesses from Hebrew and English words, options of an import, and their checks."""

import re
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core import i18n
from app.core.errors import Invalid, mark
from app.core.text import clean, email
from app.domain.contacts import naming, properties
from app.domain.contacts.values import day, number

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
LABELS = {name: naming.FIELDS.get(name) or mark("Consent (yes or no)") for name in FIELDS}


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# Words beside those of a field that tell one address from another; both are the person's.
_FURTHER = _words(
    "second 2nd secondary other additional alternative alt extra home work office business private personal main primary first 1st",
    "my number no שני שנייה שניה נוסף נוספת אחר אחרת בבית בית עבודה בעבודה משרד פרטי ראשי מספר",
)
# Columns that name a person besides the fields: they become sealed properties unless somebody says otherwise.
_PERSONAL = _words(
    "name full_name fullname client_name customer_name contact_name person_name display_name nickname middle_name maiden_name",
    "spouse spouse_name address full_address home_address postal_address address_1 address_2 address1 address2 address_line_1",
    "address_line_2 street street_address iban account account_number account_no bank_account passport passport_number passport_no",
    "id_number id_no identity_number national_id ssn driving_licence card_number whatsapp fax",
    "שם שם_מלא שם_לקוח שם_הלקוח שם_אמצעי כינוי שם_בן_הזוג כתובת כתובת_מלאה כתובת_מגורים רחוב חשבון מספר_חשבון חשבון_בנק דרכון",
    "מספר_דרכון ת_ז תז מספר_זהות תעודת_זהות מספר_כרטיס פקס וואטסאפ",
)
_NAMING = ("external_id", "email", "phone", "first_name", "last_name")
# What a file of bad rows has before the columns of the file it is from.
OURS = (mark("Row"), mark("Column"), mark("Reason"))
_BY_WORD = {word: field for field, words in FIELDS.items() for word in words}
_PHONE = re.compile(r"[\s\u200e\u200f]*(?:\+|0)[\d\s().-]{8,15}$")
ENOUGH = 100
_CODE = re.compile(r"0\d+|\d+[eE]\d+")
_TRUTH = {"true", "false", "כן", "לא"}


class ImportOptions(BaseModel):
    """What to make of a file: {column: field}, where a field is a contact's, "properties.<key>" or "" (leave out).

    `types` are the types of properties that are not defined yet, `personal` those of them that are sealed. `consent` names the
    channels everybody in the file allowed on `basis`, or only those whose row says yes, when a column is mapped to "consent".
    `demonstration` makes up a person for every external id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    mapping: dict[str, str] = {}
    types: dict[str, str] = {}
    personal: tuple[str, ...] = ()
    dedupe: Literal["update", "skip", "fill"] = "update"
    demonstration: bool = False
    consent: tuple[Literal["sms", "email"], ...] = ()
    basis: str = Field(default="", max_length=200)
    wording: str = Field(default="", max_length=200)
    tags: tuple[str, ...] = Field(default=(), max_length=20)


def added(columns: Sequence[str]) -> int:
    """How many of the first columns are those of a file of bad rows, in whatever language it was asked for: three or none."""
    ours = ([i18n.say(head, {}, language) for head in OURS] for language in i18n.LANGUAGES)
    return len(OURS) if list(columns[: len(OURS)]) in ours else 0


def guess(columns: Sequence[str]) -> dict[str, str]:
    """A field for every column: the one its name means, otherwise a property. What our file of bad rows adds is left out."""
    mapping: dict[str, str] = dict.fromkeys(columns[: added(columns)], "")
    for column in columns[len(mapping) :]:
        word = _word(column)
        field = _BY_WORD.get(word) or _further(word)
        if field and (field in MANY or field not in mapping.values()):
            mapping[column] = field
        else:
            mapping[column] = f"{PROPERTY}{_free_key(word or f'column_{len(mapping) + 1}', mapping)}"
    return mapping


def _word(column: str) -> str:
    return properties.key_of(re.sub(r"[\"'״׳]", "", column))


def _further(word: str) -> str | None:
    """One more address of the person: "phone (2)", "Mobile2", "work e-mail", "טלפון נוסף"."""
    parts = [part for part in re.sub(r"\d+", "_", word).split("_") if part and part not in _FURTHER]
    if parts[:1] == ["p"] and word.startswith("p_"):  # how a key begins that began with a digit
        parts = parts[1:]
    field = _BY_WORD.get("_".join(parts))
    return field if field in ("email", "phone") else None


def guess_personal(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The columns that name a person, by their words or because most values are addresses."""
    return [
        column
        for place, column in enumerate(columns)
        if _names_a_person(_word(column)) or _are_addresses([row[place] for row in rows if row[place].strip()])
    ]


def _names_a_person(word: str) -> bool:
    plain = re.sub(r"_?\d+$", "", word)
    return not _PERSONAL.isdisjoint((word, plain)) or _BY_WORD.get(plain) in _NAMING or _further(word) is not None


def _are_addresses(values: Sequence[str]) -> bool:
    """Whether most of them are e-mail addresses, or phones as people write them, with a zero or plus before."""
    some = values[:ENOUGH]
    return sum(bool("@" in value and email(value)) or bool(_PHONE.match(value)) for value in some) * 2 > len(some)


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
    if all(clean(value).lower() in _TRUTH for value in values):
        return "boolean"
    for kind, reads in (("number", number), ("date", day)):
        if all(_can(reads, value) for value in values):
            # 007, 0501234567 and 1E5 are codes, not amounts
            return "text" if kind == "number" and any(_CODE.fullmatch(clean(v)) for v in values) else kind
    return "text"


def _can(reads: Callable[[str], object], value: str) -> bool:
    try:
        reads(value)
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
        raise Invalid.field(
            "mapping", mark("Choose the column that tells who it is: customer number, e-mail or phone.")
        )
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
