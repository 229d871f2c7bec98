"""A form that is refused says all that is wrong with it at once, whoever finds it: its own fields or the domain."""

import re

from tests.web.campaigning import Campaigning
from tests.web.pages import House
from tests.web.test_campaigns import FORM


def wrong(answer: object) -> set[str]:
    """The fields that have an error."""
    return set(re.findall(r'id="(\w+)-error"', answer.get_data(as_text=True)))  # type: ignore[attr-defined]


TEXTS = {
    "name": "", "message_class": "marketing", "fallback_language": "en", "en_body": "{{ contact.first_nam }}", "he_body": "{% if x",
}  # fmt: skip


def test_a_template_names_every_text_that_is_wrong_and_its_missing_name(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=sms")
    assert wrong(marketer.post("/templates/new/sms", TEXTS)) == {"name", "en_body", "he_body"}
    assert wrong(marketer.post("/templates/new/sms", {**TEXTS, "name": "Offer"})) == {"en_body", "he_body"}
    mail = {**TEXTS, "en_subject": "{{", "he_body": "<p>x</p>", "en_body": "<mjml><mj-none/></mjml>"}
    assert wrong(marketer.post("/templates/new/email", mail)) == {"name", "en_subject", "en_body"}
    assert wrong(marketer.post("/templates/new/sms", {**TEXTS, "en_body": "", "he_body": ""})) >= {"name"}


def test_a_campaign_does(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/campaigns/new")
    answer = marketer.post("/campaigns/new", {**FORM, "name": "", "who": "segments", "moment": "at"})
    assert wrong(answer) == {"name", "segments", "scheduled_at"}


def test_settings_users_and_reports_do(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    owner.get("/settings/organisation")
    given = {
        "name": "",
        "locale": "en",
        "timezone": "Nowhere",
        "currency": "x",
        "percent": "5",
        "people": "20",
        "days_at_once": "1",
    }
    assert wrong(owner.post("/settings/organisation", given)) == {"name", "timezone", "currency"}
    assert wrong(owner.post("/settings/users/new", {"name": "", "email": "nonsense", "role": "viewer"})) == {
        "name",
        "email",
    }
    marketer = campaigns.bank.browser("marketer")
    campaigns.launched()
    marketer.get("/reports/new")
    answer = marketer.post("/reports/new", {"campaign_id": "", "language": "xx", "recipients": "nobody"})
    assert wrong(answer) == {"campaign_id", "language"}


def test_a_decision_asks_for_the_confirmation_and_the_code_together(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin = campaigns.bank.browser("admin")
    campaigns.grow_stale("admin")
    admin.get(f"/campaigns/{campaign_id}/review")
    answer = admin.post(f"/campaigns/{campaign_id}/approve", {"note": "", "seen": campaigns.seen(campaign_id)})
    assert wrong(answer) == {"sure", "code"}
    assert admin.get("/").status_code == 200, "a code that is not there is no wrong code"
