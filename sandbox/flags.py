"""Whom the core bank says something of that forbids to write to him: made up for every client by a fixed rule.

A client has a flag when the first 8 bytes of the SHA-256 of "number:flag", as a number, are divided by what stands here; since a
day that the next 8 bytes choose. So any language gets the same.
"""

from array import array
from bisect import bisect_right
from datetime import date, timedelta
from hashlib import sha256
from itertools import islice

from sandbox.balances import BankFaults

ONE_IN = {
    "deceased": 400, "fraud": 2500, "guardianship": 1500, "minor": 300, "collections": 120, "open_complaint": 500, "employee": 200,
}  # fmt: skip
FIRST_DAY, DAYS = date(2020, 1, 1), 2400


def page(numbers: "array[int]", after: int, limit: int, faults: BankFaults) -> tuple[list[dict[str, str]], str | None]:
    """The flags of clients after a number, and the number to go on from, None at the end; all of one client together."""
    items: list[dict[str, str]] = []
    if faults.restrictions == "none":
        return items, None
    last = after
    for number in islice(numbers, bisect_right(numbers, after), None):
        told = of(number)
        if items and len(items) + len(told) > limit:
            return items, str(last)
        items += told
        last = number
    if faults.restrictions == "unknown_flag":
        items.append({"external_id": str(last), "flag": "blacklisted", "since": FIRST_DAY.isoformat()})
    return items, None


def of(number: int) -> list[dict[str, str]]:
    """The flags of one client."""
    found = []
    for flag, one_in in ONE_IN.items():
        drawn = sha256(f"{number}:{flag}".encode("ascii")).digest()
        if int.from_bytes(drawn[:8], "big") % one_in == 0:
            since = FIRST_DAY + timedelta(days=int.from_bytes(drawn[8:16], "big") % DAYS)
            found.append({"external_id": str(number), "flag": flag, "since": since.isoformat()})
    return found
