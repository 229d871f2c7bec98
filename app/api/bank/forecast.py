"""/bank/forecast: how many will qualify in the month that runs, and who stands where."""

from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.bank import forecast
from app.domain.bank.forecast import STANDINGS, Standing
from app.http.auth import allow


@bp.get("/forecast")
@allow("bank:read")
@envelope.asks("programme")
def forecast_read() -> ResponseReturnValue:
    """The month that runs by a programme: customers on track, at risk, lost and unknown, and how many are expected.

    `days_known` of the `days` until `day` were taken; `expected` is null where that is less than half of them.
    """
    found = forecast.read(db.session(), _programme(), by=g.actor)
    answer: dict[str, Any] = {
        "programme": found.programme.id, "month": f"{found.month:%Y-%m}", "day": found.day, "days": found.days,
        "days_known": found.known, "customers": found.customers, **found.counts, "expected": found.expected,
        "rate": found.rate, "months": found.months, "error": found.error,
    }  # fmt: skip
    return envelope.ok(answer)


@bp.get("/forecast/customers")
@allow("bank:read")
@envelope.asks("programme", "standing", paged=True)
def forecast_customers() -> ResponseReturnValue:
    """The customers of one standing (`lost` unless said otherwise), the nearest to the threshold first."""
    standing = request.args.get("standing", "lost")
    if standing not in STANDINGS:
        raise Invalid.field("standing", mark("There is no such standing."))
    page = forecast.listed(db.session(), _programme(), standing, envelope.ask(), by=g.actor)
    return envelope.listed(page, _standing)


def _programme() -> UUID:
    found = envelope.query_uuid("programme")
    if found is None:
        raise Invalid.field("programme", mark("Choose a programme."))
    return found


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "external_id": one.external_id, "standing": one.standing, "distance": str(one.distance),
        "first_below": one.first_below, "latest": None if one.latest is None else str(one.latest),
    }  # fmt: skip
