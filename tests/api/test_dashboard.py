"""/dashboard from outside: the same numbers as on the page, and nothing that a key may not see."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core import clock
from app.domain.access import keys
from app.domain.access.models import User
from tests.web.campaigning import Campaigning
from tests.web.conftest import campaigns, page_app, page_settings

__all__ = ["campaigns", "page_app", "page_settings"]


def call(campaigns: Campaigning, path: str, scopes: list[str]) -> tuple[int, Any]:
    bank = campaigns.bank
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["marketer"].id)
        key = keys.create(session, user, name="tests", scopes=scopes, by=bank.staff["marketer"])
    answer = bank.app.test_client().get(f"/api/v1/dashboard{path}", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, answer.get_json()


def test_the_numbers_of_the_first_page(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch()
    status, body = call(campaigns, "?days=7", ["*"])
    assert status == 200
    data = body["data"]
    assert len(data["messages"]["days"]) == 7
    assert data["messages"]["days"][-1] == {"day": data["to"], "handed_over": 12, "delivered": 0, "opened": None}
    assert data["messages"]["totals"]["rates"]["delivered"] == {"value": 0.0, "of": "handed_over"}
    assert data["contacts"]["total"] == 14
    assert abs(datetime.fromisoformat(data["contacts"]["counted_at"]) - clock.now()) < timedelta(minutes=1)
    assert data["waiting"] == {
        "questions": [],
        "renewals": [],
        "approvals": 0,
        "in_doubt": 0,
        "replies": 0,
        "failed_imports": 0,
        "failures": 0,
        "months": [],
    }


def test_a_key_sees_what_it_may(campaigns: Campaigning) -> None:
    status, body = call(campaigns, "", ["contacts:read"])
    assert status == 200
    assert (body["data"]["messages"], body["data"]["running"]) == (None, [])
    assert body["data"]["contacts"]["total"] == 14


@pytest.mark.parametrize("path", ["?days=no", "?from=2026-02-30", "?from=2026-03-02&to=2026-03-01"])
def test_days_that_are_none(path: str, campaigns: Campaigning) -> None:
    status, body = call(campaigns, path, ["*"])
    assert status == 422
    assert body["error"]["details"][0]["field"] in {"days", "from"}
