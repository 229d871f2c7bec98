"""The page of a request follows what becomes of it, and keeps the note that is being written."""

import html
import re

from sqlalchemy import select

from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.campaigns import lifecycle
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown
from tests.web.test_settings import FORM

FOLLOWED = re.compile(r'hx-get="([^"]+/state[^"]*)" hx-trigger="every 5s"')


def test_the_review_follows_what_becomes_of_its_request(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin, marketer = campaigns.bank.browser("admin"), campaigns.bank.browser("marketer")
    page = admin.get(f"/campaigns/{campaign_id}/review").get_data(as_text=True)
    address = FOLLOWED.search(page)
    assert address
    quiet = admin.get(html.unescape(address[1]), htmx=True).get_data(as_text=True)
    assert "has changed" not in quiet
    assert 'hx-trigger="every 5s"' in quiet
    with campaigns.bank.unit("marketer") as session:
        lifecycle.withdraw(session, campaign_id, by=campaigns.bank.staff["marketer"])
    part = admin.get(html.unescape(address[1]), htmx=True)
    assert "This request has changed while you were reading" in shown(part)
    assert 'hx-swap-oob="true" id="request-state"' in part.get_data(as_text=True)
    assert "There is nothing to decide here any more" in shown(part)
    assert "hx-trigger" not in part.get_data(as_text=True)
    assert "textarea" not in part.get_data(as_text=True)  # the note that is being written stays as it is
    seen = address[1].split("/")[-2]
    late = admin.post(f"/campaigns/{campaign_id}/reject", {"note": "Shorter, please.", "seen": seen})
    assert late.status_code == 409
    assert "Your note was not sent. It stays here to be copied: Shorter, please." in shown(late)
    with campaigns.bank.unit("marketer") as session:
        lifecycle.submit(session, campaign_id, by=campaigns.bank.staff["marketer"])
    assert "There is a newer request" in shown(admin.get(html.unescape(address[1]), htmx=True))
    own = marketer.get(f"/campaigns/{campaign_id}/review").get_data(as_text=True)
    mine = FOLLOWED.search(own)
    assert mine
    with campaigns.bank.unit("admin") as session:
        lifecycle.reject(session, campaign_id, note="Shorter.", by=campaigns.bank.staff["admin"])
    told = marketer.get(html.unescape(mine[1]), htmx=True)
    assert "Rejected: Admin" in shown(told)
    assert 'id="decide"' not in told.get_data(as_text=True)  # its author has no form on the page


def test_the_page_of_a_change_follows_what_becomes_of_it(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    owner.get("/settings/calendar")
    owner.post("/settings/calendar", FORM)
    with campaigns.bank.unit() as session:
        request = session.execute(select(Approval).where(Approval.state == "pending")).scalar_one().id
    admin = campaigns.bank.browser("admin")
    address = FOLLOWED.search(admin.get(f"/approvals/{request}").get_data(as_text=True))
    assert address
    assert "has changed" not in shown(admin.get(html.unescape(address[1]), htmx=True))
    with campaigns.bank.unit("owner") as session:
        decisions.withdraw(session, request, by=campaigns.bank.staff["owner"])
    told = admin.get(html.unescape(address[1]), htmx=True)
    assert "This request was withdrawn or has expired" in shown(told)
    assert "hx-trigger" not in told.get_data(as_text=True)
    late = admin.post(f"/approvals/{request}/reject", {"note": "Not in December."})
    assert late.status_code in (403, 409)
    assert "Not in December." in shown(late)
