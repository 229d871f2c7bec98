"""People for the demonstration: everything about client n follows from n, so any two who make them get the same."""

from collections.abc import Iterator
from typing import NamedTuple


def _names(*lines: str) -> tuple[str, ...]:
    return tuple(name for line in lines for name in line.split())


# Common names in Israel, as they are written in Hebrew and in Latin letters.
_WOMEN_HE = _names("נועה מאיה תמר שרה רחל יעל מיכל אסתר רבקה חנה ליאור אביגיל הדס שירה ענבל דנה אורית גלית יפעת מרים")
_MEN_HE = _names("דוד משה יוסף אורי איתי יונתן אברהם דניאל נועם עומר אריאל יעקב גיא רון אלון עידו שמואל יצחק ניר אסף")
_WOMEN_EN = _names(
    "Noa Maya Tamar Sarah Rachel Yael Michal Esther Layla Fatma Anna Olga Maria Irina Dana Salma Rim Julia"
)
_MEN_EN = _names(
    "David Moshe Yosef Mohammed Ahmad Yonatan Daniel Omar Ali Mark Igor Alex Michael Boris Adam Yusuf Amir"
)
_FAMILY_HE = _names(
    "כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן אזולאי מלכה כץ יוסף דוד עמר אוחיון חדד גבאי בן־דוד אדרי לוין טל קליין",
    "חן שפירא משה יצחק שלום אשכנזי גולן סגל בר נחום הררי אלון רוזנברג וקנין הלוי שרעבי ממן רביבו",
)
_FAMILY_EN = _names(
    "Cohen Levi Mizrahi Peretz Biton Dahan Friedman Azoulay Malka Katz Amar Ohayon Hadad Gabay Levin Klein Shapira",
    "Ashkenazi Golan Segal Khoury Haddad Mansour Ivanov Petrov Rosenberg Abu-Rabia Zoabi Nasser Agbaria",
)
_FIRST = {
    (True, True): _WOMEN_HE,
    (True, False): _MEN_HE,
    (False, True): _WOMEN_EN,
    (False, False): _MEN_EN,
}
LAST_CLIENT = 7_999_999  # the last whose phone still has seven digits
CONSENT_SOURCE = "branch form"


class Person(NamedTuple):
    """One demonstration client."""

    phone: str
    email: str | None
    first_name: str
    last_name: str
    gender: str  # female or male
    language: str  # he or en, as the name is written
    consent: bool  # to marketing, from the "branch form"
    tag: str | None


def person(client: int) -> Person:
    """The person of a client number from 1 to LAST_CLIENT.

    Every 200th shares the phone of the one before (families do), every 10th has no e-mail address, every 3rd has a
    Latin name and the others a Hebrew one, every 5th gave no consent, every 997th is staff.
    """
    # Knuth's multiplicative hash: neighbours get unlike names, with no generator to seed
    mixed = client * 2654435761 & 0xFFFFFFFF
    hebrew = client % 3 != 0
    female = mixed & 0x10000 != 0
    first = _FIRST[hebrew, female]
    family = _FAMILY_HE if hebrew else _FAMILY_EN
    return Person(
        f"+97252{2_000_000 + client - (client % 200 == 0)}",
        f"client{client}@mail.example" if client % 10 else None,
        first[(mixed >> 20) % len(first)],
        family[(mixed >> 8) % len(family)],
        "female" if female else "male",
        "he" if hebrew else "en",
        client % 5 != 0,
        None if client % 997 else "staff",
    )


def people(first: int, last: int) -> Iterator[Person]:
    """The people of the client numbers first to last, in order."""
    return map(person, range(first, last + 1))
