"""Who gets a report, on its page, over the API and by the link of a mail."""

import re
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from sqlalchemy import select

from app.domain.bank.models import QualificationRun
from app.domain.reports import subscribers
from app.domain.reports.models import Subscriber
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.pages import House
from tests.web.test_bank_review import bank, november, run_id
from tests.web.test_campaigns import shown

__all__ = ["bank", "november", "run_id"]  # the fixtures of a month
OUTSIDE = "board@trust.example"


def page_of(bank: House, run_id: UUID) -> str:
    with bank.unit() as session:
        return f"/reports/subscribers/{session.get_one(QualificationRun, run_id).programme_id}"


def row(bank: House) -> Subscriber:
    with bank.unit() as session:
        return session.execute(select(Subscriber)).scalar_one()


def test_a_colleague_asks_for_it_is_let_sees_it_and_leaves_with_one_click(bank: House, run_id: UUID) -> None:
    page, officer = page_of(bank, run_id), bank.browser("bank_officer")
    assert "You do not get it" in shown(officer.get(page))
    assert "is not an e-mail address" in shown(officer.post(page, {"address": "x", "language": "en", "formats": "pdf"}))
    answer = officer.post(page, {"address": "", "language": "he", "formats": ["pdf"]})
    assert answer.status_code == 303
    request = shown(officer.get(answer.location))
    assert "Mail the report of the months to somebody" in request
    assert re.search(r"Language +Hebrew\b", request)
    assert re.search(r"Files +PDF\b", request)
    again = officer.post(page, {"address": "", "language": "he", "formats": ["pdf"]})
    assert (again.status_code, again.text.count("waits for a second person, under Approvals")) == (422, 1)
    assert "Ask for it" in shown(again), "on the page itself"
    assert "You do not get it" in shown(officer.get(page)), "before somebody else decided"
    Campaigning(bank, UUID(int=0)).granted("admin")
    late = officer.post(f"{answer.location}/withdraw")
    assert late.status_code == 409
    assert "Mail the report of the months to somebody" in shown(late), "the request itself, and not a bare page"
    assert "was decided already" in shown(late)
    assert "You get it at" in (found := shown(officer.get(page)))
    assert "Asked for it" in found
    leave = re.search(r'action="(/reports/subscribers/[^"]+/leave)"', officer.get(page).get_data(as_text=True))
    assert leave
    assert officer.post(leave.group(1)).status_code == 303
    assert "gets no more of this report" in (found := shown(officer.get(page)))
    assert "You do not get it" in found


def test_the_api_does_the_same(bank: House, run_id: UUID) -> None:
    path, officer, marketer = page_of(bank, run_id), Caller(bank, "bank_officer"), Caller(bank, "marketer")
    asked = officer("POST", path, {"address": OUTSIDE, "formats": ["xlsx"]})
    assert asked.status_code == 202
    assert officer("POST", path, {"formats": []}).status_code == 422
    assert officer.data("GET", path) == []
    Campaigning(bank, UUID(int=0)).granted("admin")
    [one] = officer.data("GET", path)
    assert (one["address"], one["language"], one["formats"], one["is_asked"]) == (OUTSIDE, "en", ["xlsx"], True)
    assert marketer("DELETE", f"{path}/{one['id']}").status_code == 403, "it is not his"
    assert officer("DELETE", f"{path}/{one['id']}").status_code == 204
    assert officer("DELETE", f"{path}/{uuid4()}").status_code == 404
    assert officer.data("GET", path) == []


def test_the_link_of_a_mail_needs_no_login_and_only_the_button_takes_off(bank: House, run_id: UUID) -> None:
    path = page_of(bank, run_id)
    Caller(bank, "bank_officer").data("POST", path, {"address": OUTSIDE, "language": "he"})
    Campaigning(bank, UUID(int=0)).granted("admin")
    with bank.unit() as session:
        url = urlsplit(subscribers.link(session, session.execute(select(Subscriber)).scalar_one())).path
    stranger = bank.app.test_client()
    for _twice in range(2):
        answer = stranger.get(url)
        assert (answer.status_code, 'dir="rtl"' in answer.text) == (200, True), "it speaks the language of the report"
        assert f'action="{url}"' in answer.text
    assert row(bank).left_at is None, "a scanner that follows links takes nobody off"
    for _twice in range(2):
        assert stranger.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert row(bank).left_at is not None
    assert f'action="{url}"' not in stranger.get(url).text
    assert stranger.post(f"/r/{url[:2:-1]}").status_code == 404
