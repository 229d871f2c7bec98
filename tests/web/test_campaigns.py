"""Campaigns in the browser: from the form to the results, and the approver's review."""

import re
from datetime import datetime

import pytest
from sqlalchemy import text

from app.core import clock
from app.domain.campaigns import lifecycle
from app.domain.content import library
from app.domain.content.library import Said
from app.domain.messages import sends
from app.gateways.channels.base import Category, InDoubt, Rejected, Unavailable
from tests.factories import sending
from tests.web.campaigning import BODY, Campaigning

FORM = {
    "name": "Spring offer", "description": "", "priority": "normal", "who": "everybody", "sms_template_id": "",
    "email_template_id": "", "moment": "approval",
}  # fmt: skip


def shown(answer: object) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))  # type: ignore[attr-defined]


def test_a_campaign_is_made_changed_and_copied(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    assert "No campaigns yet" in shown(marketer.get("/campaigns"))
    marketer.get("/campaigns/new")
    made = marketer.post("/campaigns/new", {**FORM, "sms_template_id": str(campaigns.template_id)})
    assert made.status_code == 303
    page = marketer.get(made.location)
    assert "Spring offer" in shown(page)
    assert 'hx-trigger="load"' in page.get_data(as_text=True), "the plan is worked out in a part of its own"
    edit = marketer.get(f"{made.location}/edit").get_data(as_text=True)
    version = re.search(r'name="version"[^>]*value="(\d+)"', edit)
    assert version
    changed = {
        **FORM,
        "name": "Summer offer",
        "sms_template_id": str(campaigns.template_id),
        "version": version.group(1),
    }
    assert marketer.post(f"{made.location}/edit", changed).status_code == 303
    late = marketer.post(f"{made.location}/edit", {**changed, "name": "Autumn offer"})
    assert late.status_code == 409
    assert "You saved this in another window" in shown(late)
    assert marketer.post(f"{made.location}/clone").status_code == 303
    assert "Summer offer (2)" in shown(marketer.get("/campaigns?q=summer"))
    assert "No such campaign" in shown(marketer.get("/campaigns?state=running"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"who": "segments"}, "Choose at least one segment"),
        ({"moment": "at"}, "Choose a date and a time"),
        ({"moment": "at", "scheduled_at": "2020-01-01T10:00"}, "This moment has passed"),
        ({"moment": "at", "scheduled_at": "2027-03-26T02:30"}, "This hour does not exist"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(campaigns: Campaigning, values: dict[str, str], said: str) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/campaigns/new")
    answer = marketer.post("/campaigns/new", {**FORM, **values}, htmx=True)
    assert answer.status_code == 422
    assert said in shown(answer)
    assert "<html" not in answer.get_data(as_text=True)


def test_the_moment_is_the_banks_own_time(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/campaigns/new")
    made = marketer.post("/campaigns/new", {**FORM, "moment": "at", "scheduled_at": "2030-07-01T09:00"})
    with campaigns.bank.unit() as session:
        moment = session.execute(text("SELECT scheduled_at FROM campaigns")).scalar_one()
    assert moment == datetime.fromisoformat("2030-07-01T06:00:00+00:00")
    assert "2030-07-01T09:00" in marketer.get(f"{made.location}/edit").get_data(as_text=True)


def test_the_plan_says_who_falls_out_and_what_is_missing(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    plan = shown(marketer.get(f"/campaigns/{campaigns.draft()}/plan", htmx=True))
    assert "In the audience 14" in plan
    assert "No consent − 2" in plan
    assert "Will receive it 12" in plan
    assert "Hello Dana, to stop: http://127.0.0.1:8000/u/exampleCode" in plan
    empty = campaigns.draft(sms_template_id=None)
    assert "Choose a text first" in shown(marketer.get(f"/campaigns/{empty}/plan"))
    assert "Submit for approval" not in shown(marketer.get(f"/campaigns/{empty}"))


def test_the_review_shows_everything_and_asks_for_a_fresh_code(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin = campaigns.bank.browser("admin")
    assert "1 approval waits" in admin.get("/approvals/bell").get_data(as_text=True)
    assert "Savings offer" in shown(admin.get("/approvals"))
    campaigns.grow_stale("admin")
    review = shown(admin.get(f"/campaigns/{campaign_id}/review"))
    for said in (
        "Hello D•••",
        "reads that it is an advertisement",
        "Will receive it 12",
        "No consent − 2",
        "Marketer",
        "Code of your authenticator",
    ):
        assert said in review
    unsure = admin.post(f"/campaigns/{campaign_id}/approve", {"code": campaigns.code("admin")})
    assert unsure.status_code == 422
    assert "Yes, write to this many people: 12 by SMS" in shown(unsure)
    wrong = admin.post(f"/campaigns/{campaign_id}/approve", {"code": "000000", "sure": "y"})
    assert wrong.status_code == 422
    assert "The code is not right" in shown(wrong)
    with campaigns.bank.unit() as session:
        assert session.execute(text("SELECT failures FROM login_failures WHERE network <> '*'")).scalar_one() == 1
    assert campaigns.state(campaign_id) == "in_review"
    assert (
        admin.post(
            f"/campaigns/{campaign_id}/approve",
            {"code": campaigns.code("admin"), "note": "Good.", "sure": "y", "seen": campaigns.seen(campaign_id)},
        ).status_code
        == 303
    )
    assert campaigns.state(campaign_id) == "approved"
    history = shown(admin.get(f"/campaigns/{campaign_id}/history"))
    assert "Approved the campaign" in history
    assert "“ Good. ”" in history


def test_five_wrong_codes_end_the_session(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin = campaigns.bank.browser("admin")
    admin.get("/approvals")
    campaigns.grow_stale("admin")
    for _ in range(5):
        admin.post(f"/campaigns/{campaign_id}/approve", {"code": "000000", "sure": "y"})
    assert "/login" in admin.get("/approvals").location


def test_its_author_sees_why_he_cannot_approve(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    marketer = campaigns.bank.browser("marketer")
    review = shown(marketer.get(f"/campaigns/{campaign_id}/review"))
    assert "You made or edited this yourself" in review
    assert "Can decide it: Admin" in review
    assert "Approve and send" not in review
    assert marketer.post(f"/campaigns/{campaign_id}/approve").status_code == 403
    viewer = campaigns.bank.browser("viewer")
    assert "Your role reads requests" in shown(viewer.get(f"/campaigns/{campaign_id}/review"))


def test_a_change_after_submission_cannot_be_approved_but_sent_back(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    with campaigns.bank.unit("marketer") as session:
        template = library.get(session, campaigns.template_id, by=campaigns.bank.staff["marketer"])
        new = library.as_input(session, template).model_copy(update={"texts": {"en": Said(body=f"New: {BODY}")}})
        library.update(session, template.id, new, by=campaigns.bank.staff["marketer"])
    admin = campaigns.bank.browser("admin")
    review = shown(admin.get(f"/campaigns/{campaign_id}/review"))
    assert "cannot be approved any more" in review
    assert "Approve and send" not in review
    refused = admin.post(f"/campaigns/{campaign_id}/approve", {"sure": "y", "seen": campaigns.seen(campaign_id)})
    assert refused.status_code == 409
    assert "It was changed after it was submitted" in shown(refused)
    assert (
        admin.post(f"/campaigns/{campaign_id}/reject", {"note": "", "seen": campaigns.seen(campaign_id)}).status_code
        == 422
    )
    assert (
        admin.post(
            f"/campaigns/{campaign_id}/reject", {"note": "Submit the new text.", "seen": campaigns.seen(campaign_id)}
        ).status_code
        == 303
    )
    marketer = campaigns.bank.browser("marketer")
    assert "Sent back by Admin" in shown(marketer.get(f"/campaigns/{campaign_id}"))
    assert marketer.post(f"/campaigns/{campaign_id}/submit").status_code == 303
    again = shown(admin.get(f"/campaigns/{campaign_id}/review"))
    assert "Version of the text before: 1 after: 2" in again
    assert "after: New: Advertisement. Hello" in again


def test_it_is_taken_back_and_the_request_ends(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    marketer = campaigns.bank.browser("marketer")
    marketer.get(f"/campaigns/{campaign_id}")
    assert marketer.post(f"/campaigns/{campaign_id}/withdraw").status_code == 303
    assert campaigns.state(campaign_id) == "draft"
    assert "Nothing waits for you" in shown(campaigns.bank.browser("admin").get("/approvals"))


def test_the_sending_is_seen_paused_resumed_and_ends_the_polling(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    operator = campaigns.bank.browser("operator")
    page = operator.get(f"/campaigns/{campaign_id}").get_data(as_text=True)
    assert 'hx-trigger="every 2s"' in page
    assert "Edit" not in shown(operator.get(f"/campaigns/{campaign_id}"))
    paused = operator.post(f"/campaigns/{campaign_id}/pause", htmx=True).get_data(as_text=True)
    assert all(f'id="{part}"' in paused for part in ("campaign-actions", "campaign-state", "progress"))
    assert campaigns.state(campaign_id) == "paused"
    assert operator.post(f"/campaigns/{campaign_id}/resume").location.startswith("/approvals/")
    assert campaigns.state(campaign_id) == "paused", "one person stops it, two start it again"
    assert "Going on waits for a decision" in shown(operator.get(f"/campaigns/{campaign_id}"))
    campaigns.granted("operator")
    campaigns.dispatch()
    with campaigns.bank.unit() as session:
        sends.close_drained(session)
        lifecycle.complete_if_drained(session, campaign_id)
    last = operator.get(f"/campaigns/{campaign_id}/progress?was=running", htmx=True).get_data(as_text=True)
    assert "hx-trigger" not in last
    assert 'id="campaign-state" hx-swap-oob="true"' in last or 'hx-swap-oob="true" id="campaign-state"' in last
    assert "The sending has ended" in last


def test_one_that_is_paused_after_its_last_message_is_complete_when_it_is_resumed(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    operator = campaigns.bank.browser("operator")
    operator.get(f"/campaigns/{campaign_id}")
    campaigns.dispatch()
    assert operator.post(f"/campaigns/{campaign_id}/pause").status_code == 303
    with campaigns.bank.unit() as session:
        sends.close_drained(session)
        lifecycle.complete_if_drained(session, campaign_id)
    assert campaigns.state(campaign_id) == "paused"
    assert operator.post(f"/campaigns/{campaign_id}/resume").status_code == 303
    campaigns.granted("operator")
    assert campaigns.state(campaign_id) == "completed"
    assert "Completed" in shown(operator.get(f"/campaigns/{campaign_id}"))


def test_one_that_is_paused_before_its_last_message_goes_on(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    operator = campaigns.bank.browser("operator")
    operator.get(f"/campaigns/{campaign_id}")
    operator.post(f"/campaigns/{campaign_id}/pause")
    operator.post(f"/campaigns/{campaign_id}/resume")
    campaigns.granted("operator")
    assert campaigns.state(campaign_id) == "running"


def test_a_provider_that_is_away_is_named(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    campaigns.dispatch(lambda _m: Unavailable("HTTP 503", whole_account=True))
    said = shown(campaigns.bank.browser("operator").get(f"/campaigns/{campaign_id}"))
    assert "12 messages wait (SMS): sms memory does not answer" in said
    assert "HTTP 503" in said


def test_the_numbers_add_up_to_the_audience_and_lead_to_the_people(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    fates = iter([Rejected("no such number", category=Category.INVALID_NUMBER), InDoubt("no answer")])
    campaigns.dispatch(lambda _m: next(fates, None))
    marketer = campaigns.bank.browser("marketer")
    page = marketer.get(f"/campaigns/{campaign_id}/not-sent")
    said = shown(page)
    assert "14 Audience = 10 Handed over, no receipt yet + 1 Failed + 1 In doubt + 2 Skipped" in said
    links = re.findall(r'href="(/messages\?[^"]+reason=no_consent[^"]*)"', page.get_data(as_text=True))
    people = marketer.get(links[0].replace("&amp;", "&")).get_data(as_text=True)
    assert people.count('<tr id="message-') == 2
    results = shown(marketer.get(f"/campaigns/{campaign_id}/results"))
    assert "Handed over 11" in results
    assert f"Numbers of {clock.today('Asia/Jerusalem'):%d/%m/%Y}" in results


def test_a_campaign_is_cancelled_for_good(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    operator = campaigns.bank.browser("operator")
    operator.get(f"/campaigns/{campaign_id}")
    assert operator.post(f"/campaigns/{campaign_id}/cancel").status_code == 303
    assert len(campaigns.messages(state="cancelled")) == 12
    assert "Cancelled" in shown(operator.get(f"/campaigns/{campaign_id}"))
    again = operator.post(f"/campaigns/{campaign_id}/cancel", htmx=True)
    assert again.status_code == 409
    assert again.headers["HX-Reswap"] == "none"


def test_an_email_is_shown_in_a_frame_with_its_own_policy(campaigns: Campaigning) -> None:
    with campaigns.bank.unit() as session:
        email = sending.email_template(session).id
        sending.account(session, "email")
    campaign_id = campaigns.submitted(sms_template_id=None, email_template_id=email)
    admin = campaigns.bank.browser("admin")
    assert "<iframe" in admin.get(f"/campaigns/{campaign_id}/review").get_data(as_text=True)
    frame = admin.get(f"/campaigns/{campaign_id}/email/en")
    assert "Dear Dana" in frame.get_data(as_text=True)
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert admin.get(f"/campaigns/{campaign_id}/email/fr").status_code == 404


def test_who_approves_has_seen_what_he_approves(campaigns: Campaigning) -> None:
    """Changed and submitted again while the page was open: the decision on the screen is void."""
    campaign_id = campaigns.submitted()
    approver, by = campaigns.bank.browser("admin"), campaigns.bank.staff["marketer"]
    page = approver.get(f"/campaigns/{campaign_id}/review").get_data(as_text=True)
    seen = re.search(r'name="seen"[^>]* value="([^"]+)"', page)
    assert seen
    with campaigns.bank.unit("marketer") as session:
        lifecycle.withdraw(session, campaign_id, by=by)
        lifecycle.submit(session, campaign_id, by=by)
    for verb, said in ((verb, said) for verb in ("approve", "reject") for said in (seen.group(1), "")):
        refused = approver.post(f"/campaigns/{campaign_id}/{verb}", {"note": "Fine.", "seen": said, "sure": "y"})
        assert refused.status_code == 409
        assert "submitted again since you opened it" in refused.get_data(as_text=True)
    assert campaigns.state(campaign_id) == "in_review"


def test_a_sending_of_two_days_names_the_day_of_each_minute(campaigns: Campaigning) -> None:
    from app.web.campaigns.show import _named

    first, second = ("2026-11-24T09:12:00+00:00", 5, 5), ("2026-11-25T07:10:00+00:00", 3, 3)
    with campaigns.bank.app.test_request_context():
        assert [name for name, _, _ in _named([first, second])] == ["24.11 11:12", "25.11 09:10"]
        assert [name for name, _, _ in _named([first])] == ["11:12"]


def test_a_page_in_review_follows_what_is_decided(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    marketer = campaigns.bank.browser("marketer")
    assert 'hx-trigger="every 5s"' in marketer.get(f"/campaigns/{campaign_id}").get_data(as_text=True)
    same = marketer.get(f"/campaigns/{campaign_id}/progress?was=in_review", htmx=True).get_data(as_text=True)
    assert "The campaign is now" not in same
    with campaigns.bank.unit("admin") as session:
        lifecycle.reject(session, campaign_id, note="Shorter.", by=campaigns.bank.staff["admin"])
    part = marketer.get(f"/campaigns/{campaign_id}/progress?was=in_review", htmx=True)
    assert "The campaign is now: Draft" in shown(part)
    assert "hx-trigger" not in part.get_data(as_text=True)
    assert "Submit for approval" in shown(part)
