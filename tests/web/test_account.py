"""Signing in, in the browser."""

from sqlalchemy import select

from app.domain.access import login, sessions
from app.domain.access.models import User
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser
from tests.web.test_campaigns import shown


def half_in(campaigns: Campaigning, role: str) -> Browser:
    """A browser of somebody whose password was right, and who is asked for the code."""
    bank = campaigns.bank
    with bank.unit() as session:
        user = session.execute(select(User).where(User.id == bank.staff[role].id)).scalar_one()
        cookie = sessions.start(session, user, ip="127.0.0.1", agent="test", with_factor=False)
    client = bank.app.test_client()
    client.set_cookie("sid", cookie)
    browser = Browser(client)
    browser.get("/login/code")
    return browser


def test_while_the_account_is_locked_not_even_the_right_code_is_taken(campaigns: Campaigning) -> None:
    browsers = [half_in(campaigns, "marketer") for _ in range(6)]
    for browser in browsers[:5]:
        assert "The code is not right" in shown(browser.post("/login/code", {"code": "000000"}))
    refused = browsers[5].post("/login/code", {"code": campaigns.code("marketer")})
    assert refused.status_code == 422
    assert "There were too many failed attempts. Try again in a quarter of an hour." in shown(refused)
    with campaigns.bank.unit() as session:
        user = session.execute(select(User).where(User.id == campaigns.bank.staff["marketer"].id)).scalar_one()
        login.forgive(session, user, login.Origin("127.0.0.1"))
    assert browsers[5].post("/login/code", {"code": campaigns.code("marketer")}).status_code == 303
