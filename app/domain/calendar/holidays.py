"""The holidays of a country, by the library `holidays`; their eves are short days like Fridays."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays as known

COUNTRIES = {"IL": "Israel"}
# Days on which shops are open but nobody should be offered anything.
SOLEMN = {"IL": ("Remembrance Day", "Tisha B'Av")}
LANGUAGES = {"en": "en_US", "he": "he"}


@lru_cache(maxsize=64)
def of_year(country: str, year: int, language: str = "en") -> Mapping[date, str]:
    """The holidays of a year with their names; nothing for a country that is not kept."""
    if country not in COUNTRIES:
        return {}
    spoken = LANGUAGES.get(language, "en_US")
    public = known.country_holidays(country, years=year, language=spoken)
    other = known.country_holidays(country, years=year, language="en_US", categories=("optional",))
    translated = known.country_holidays(country, years=year, language=spoken, categories=("optional",))
    solemn = {day: str(translated[day]) for day, name in other.items() if name in SOLEMN[country]}
    return {**{day: str(name) for day, name in public.items()}, **solemn}
