"""Phone numbers are E.164. Parsing follows libphonenumber; the home region has a fast path from its own metadata."""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from app.core.text import JOINERS, UNSEEN

_CLEAN = re.compile(rf"[\s\-().{UNSEEN}{JOINERS}]")


_NO_SMS = frozenset(
    (
        PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST,
        PhoneNumberType.VOIP, PhoneNumberType.UAN, PhoneNumberType.VOICEMAIL,
    )
)  # fmt: skip


@cache
def _fast(region: str) -> tuple[int, re.Pattern[str]] | None:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.mobile is None or not metadata.mobile.national_number_pattern:
        return None
    code = int(metadata.country_code or 0)
    return code, re.compile(rf"(?:\+?{metadata.country_code}|0)({metadata.mobile.national_number_pattern})")


def parse(value: str, region: str = "IL") -> str | None:
    """The number in E.164, or None if it is not a valid number. `region` is assumed where no country code is given."""
    fast = _fast(region)
    if fast and (match := fast[1].fullmatch(value)):  # most numbers are written so
        return f"+{fast[0]}{match.group(1)}"
    clean = _CLEAN.sub("", value)
    if fast and (match := fast[1].fullmatch(clean)):
        return f"+{fast[0]}{match.group(1)}"
    try:
        number = phonenumbers.parse(clean, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country(number: str) -> str | None:
    """The ISO country of an E.164 number, or None."""
    if number.startswith("+972"):
        return "IL"
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None


def takes_sms(number: str) -> bool:
    """Whether an E.164 number can be sent an SMS: fixed, toll-free, shared-cost and company lines cannot.

    What libphonenumber cannot tell from a mobile number (all of North America) counts as one.
    """
    if number.startswith("+9725") and len(number) == 13:
        return True
    try:
        return phonenumbers.number_type(phonenumbers.parse(number)) not in _NO_SMS
    except phonenumbers.NumberParseException:
        return False


def masked(number: str) -> str:
    """The number as it may be shown to anybody: the country and the last two digits."""
    return f"{number[:4]}•••••{number[-2:]}" if len(number) > 6 else "•••"
