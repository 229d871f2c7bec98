"""Where the operations of the bank hang, and what they share."""

from datetime import date

from flask import Blueprint

from app.core import clock
from app.core.errors import Invalid, mark

bp = Blueprint("bank_api", __name__, url_prefix="/bank")


def month(said: str) -> date:
    """A month as it is written (2026-10). Raises Invalid."""
    if not clock.is_day(first := f"{said}-01"):
        raise Invalid.field("month", mark("Write the month like 2026-10."))
    return date.fromisoformat(first)
