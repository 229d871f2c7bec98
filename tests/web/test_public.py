"""The public face: who only looks, or fetches before anybody asked, has opened and clicked nothing."""

import pytest
from sqlalchemy import select

from app.core.links import Links, Target
from app.domain.messages.models import EngagementEvent, Message
from tests.web.campaigning import Campaigning

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("method", "header", "who"),
    [
        ("GET", {}, "human"),
        ("HEAD", {}, "robot"),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, "robot"),
        ("GET", {"Purpose": "prefetch"}, "robot"),
        ("GET", {"X-Moz": "prefetch"}, "robot"),
        ("GET", {"X-Purpose": "preview"}, "robot"),
    ],
)
def test_an_open_is_a_persons_only_if_somebody_asked(
    campaigns: Campaigning, method: str, header: dict[str, str], who: str
) -> None:
    campaigns.launched()
    campaigns.dispatch()
    with campaigns.bank.unit() as session:
        message = session.execute(select(Message).where(Message.state == "sent").limit(1)).scalar_one()
    link = Links(campaigns.bank.app.config["SETTINGS"])
    token = link.token(Target("o", message.organisation_id, message.occurrence_id, message.id))
    client = campaigns.bank.app.test_client()
    assert client.open(f"/o/{token}", method=method, headers={"User-Agent": BROWSER, **header}).status_code == 200
    with campaigns.bank.unit() as session:
        trace = session.execute(select(EngagementEvent).where(EngagementEvent.message_id == message.id)).scalar_one()
        seen = session.execute(select(Message.opened_at).where(Message.id == message.id)).scalar_one()
    assert (trace.who, seen is not None) == (who, who == "human")
