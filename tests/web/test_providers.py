"""Providers in the browser: made, changed, switched, tested; the secret goes in and never comes out."""

import re

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import InDoubt
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown

CARRIER = {
    "name": "Carrier one", "sender": "BANK", "priority": "10", "cost": "0.105", "secret": "s3cret-token",
    "base_url": "http://127.0.0.1:9", "settle_seconds": "900", "read_seconds": "5",
}  # fmt: skip


def kept(campaigns: Campaigning) -> ProviderAccount:
    with campaigns.bank.unit() as session:
        return session.execute(select(ProviderAccount).where(ProviderAccount.name == "Carrier one")).scalar_one()


def test_an_account_is_made_and_its_secret_is_never_shown(campaigns: Campaigning) -> None:
    operator = campaigns.bank.browser("operator")
    assert "SMS carrier over HTTP" in shown(operator.get("/providers/new"))
    assert operator.get("/providers/new/memory_sms").status_code == 404
    operator.get("/providers/new/carrier")
    assert operator.post("/providers/new/carrier", {**CARRIER, "secret": ""}).status_code == 422
    assert operator.post("/providers/new/carrier", {**CARRIER, "base_url": "nonsense"}).status_code == 422
    refused = operator.post("/providers/new/carrier", {**CARRIER, "sender": "בנק"})
    assert refused.status_code == 422
    assert "up to 11 English letters or digits" in shown(refused)
    assert operator.post("/providers/new/carrier", CARRIER).location.startswith("/approvals/")
    campaigns.granted("operator")
    account = kept(campaigns)
    assert account.config["callback_url"].endswith(f"/api/v1/inbound/carrier/{account.id}/receipts")
    page = operator.get(f"/providers/{account.id}").get_data(as_text=True)
    assert "s3cret-token" not in page
    changed = {**CARRIER, "sender": "BANK2", "secret": "", "callback_url": account.config["callback_url"]}
    assert operator.post(f"/providers/{account.id}", changed).location.startswith("/approvals/")
    request = operator.get(operator.post(f"/providers/{account.id}", {**changed, "secret": "n3w-token"}).location)
    assert "n3w-token" not in request.get_data(as_text=True)
    assert "BANK2" in shown(request)
    assert "You made or edited this yourself" in shown(request)
    operator.post(f"/providers/{account.id}", changed)
    with campaigns.bank.unit() as session:
        assert accounts.get(session, account.id).sender == "BANK"
    campaigns.granted("operator")
    with campaigns.bank.unit() as session:
        account = accounts.get(session, account.id)
        assert (account.sender, accounts.secret_of(session, account)) == ("BANK2", "s3cret-token")
    assert "There is an account with this name already" in shown(operator.post("/providers/new/carrier", CARRIER))


def test_an_account_is_switched_and_tested(campaigns: Campaigning) -> None:
    operator = campaigns.bank.browser("operator")
    operator.get("/providers/new/carrier")
    operator.post("/providers/new/carrier", CARRIER)
    campaigns.granted("operator")
    account = kept(campaigns)
    tested = shown(operator.post(f"/providers/{account.id}/test", htmx=True))
    assert "The provider does not answer as it should" in tested
    assert "Down" in tested
    assert "Disabled" in shown(operator.post(f"/providers/{account.id}/enabled", {"on": "0"}, htmx=True))
    assert operator.post(f"/providers/{account.id}/enabled", {"on": "1"}).location.startswith("/approvals/")
    with campaigns.bank.unit() as session:
        assert not accounts.get(session, account.id).is_enabled
    campaigns.granted("operator")
    with campaigns.bank.unit() as session:
        assert accounts.get(session, account.id).is_enabled


@pytest.mark.parametrize("elsewhere", [{"base_url": "http://127.0.0.1:10"}], ids=["address"])
def test_a_kept_secret_is_told_to_no_other_server(campaigns: Campaigning, elsewhere: dict[str, str]) -> None:
    operator = campaigns.bank.browser("operator")
    operator.get("/providers/new/carrier")
    operator.post("/providers/new/carrier", CARRIER)
    campaigns.granted("operator")
    account = kept(campaigns)
    changed = {**CARRIER, "callback_url": account.config["callback_url"], "secret": "", **elsewhere}
    operator.get(f"/providers/{account.id}")
    refused = operator.post(f"/providers/{account.id}", changed)
    assert refused.status_code == 422
    assert "Give the secret again" in shown(refused)
    assert operator.post(f"/providers/{account.id}", {**changed, "secret": "another"}).location.startswith(
        "/approvals/"
    )


def test_who_may_not_change_them_only_looks(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    assert "/test" not in marketer.get("/providers").get_data(as_text=True)
    assert marketer.get("/providers/new").status_code == 403
    assert campaigns.bank.browser("viewer").get("/providers").status_code == 403


def test_what_each_account_carried_on_a_day(campaigns: Campaigning) -> None:
    operator = campaigns.bank.browser("operator")
    assert 'href="/providers/days"' in operator.get("/providers").get_data(as_text=True)
    assert "Nothing was handed over on this day" in shown(operator.get("/providers/days"))
    campaigns.launched()
    campaigns.dispatch(lambda message: InDoubt("no answer") if message.to.endswith("01") else None)
    page = operator.get("/providers/days")
    assert cells(page) == ["SMS", "11", "0", "0", "1"]
    assert cells(operator.get("/providers/days", htmx=True)) == cells(page)
    assert "Nothing was handed over on this day" in shown(operator.get("/providers/days?on=2026-01-01"))
    refused = operator.get("/providers/days?on=2026-02-30")
    assert refused.status_code == 422
    assert "This is not a date" in shown(refused)
    assert 'value="2026-02-30"' in refused.get_data(as_text=True)
    assert campaigns.bank.browser("viewer").get("/providers/days").status_code == 403


def cells(answer: TestResponse) -> list[str]:
    """The cells of the only account's row."""
    return re.findall(r"<td[^>]*>(?:<[^>]+>)*([^<]+)", answer.get_data(as_text=True))
