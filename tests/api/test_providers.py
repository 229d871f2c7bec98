"""/providers from outside: what each account carried on a day."""

from app.gateways.channels.base import InDoubt
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.conftest import campaigns, page_app, page_settings

__all__ = ["campaigns", "page_app", "page_settings"]


def test_what_each_account_carried_on_a_day(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch(lambda message: InDoubt("no answer") if message.to.endswith("01") else None)
    operator = Caller(campaigns.bank, "operator")
    found = operator.data("GET", "/providers/days")
    [account] = found["accounts"]
    account = {**account}
    assert account.pop("id")
    assert account == {
        "name": "sms memory", "channel": "sms", "handed_over": 11, "delivered": 0, "failed": 0, "in_doubt": 1,
    }  # fmt: skip
    assert operator.data("GET", f"/providers/days?on={found['on']}") == found
    [before] = operator.data("GET", "/providers/days?on=2026-01-01")["accounts"]
    assert before["handed_over"] == before["in_doubt"] == 0


def test_a_day_that_is_none_and_who_may_not_see(campaigns: Campaigning) -> None:
    refused = Caller(campaigns.bank, "operator")("GET", "/providers/days?on=2026-02-30")
    assert refused.status_code == 422
    assert refused.get_json()["error"]["details"][0]["field"] == "on"
    assert Caller(campaigns.bank, "viewer")("GET", "/providers/days").status_code == 403
