"""Tests of texts: they go to whom an owner has marked, and nobody who writes texts can lead them elsewhere."""

from uuid import UUID, uuid4

from sqlalchemy import text
from werkzeug.test import TestResponse

from app.domain.access import keys
from app.domain.access.models import User
from app.domain.contacts import identifiers, profile, recipients
from app.domain.contacts.models import Contact
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown


def contact(campaigns: Campaigning, number: int) -> UUID:
    with campaigns.bank.unit() as session:
        return identifiers.resolve(session, "external_id", str(number)).id


def marked(campaigns: Campaigning, *numbers: int) -> list[UUID]:
    ids = [contact(campaigns, number) for number in numbers]
    owner = campaigns.bank.browser("owner")
    owner.get("/contacts")
    for one in ids:
        assert owner.post(f"/contacts/{one}/test/1", {"version": version(campaigns, one)}).location.startswith(
            "/approvals/"
        )
        campaigns.granted("owner")
    return ids


def version(campaigns: Campaigning, contact_id: UUID) -> int:
    with campaigns.bank.unit() as session:
        return session.get_one(Contact, contact_id).version


def test_a_test_goes_to_whom_an_owner_marked_and_to_nobody_else(campaigns: Campaigning) -> None:
    marketer, place = campaigns.bank.browser("marketer"), f"/templates/{campaigns.template_id}"
    marketer.get(place)
    assert marketer.post(f"{place}/test").status_code == 303
    assert "Nobody is marked as a test recipient yet" in shown(marketer.get(place))
    nobody = contact(campaigns, 3)
    assert marketer.post(f"/contacts/{nobody}/test/1").status_code == 403
    ours, refuser = marked(campaigns, 3, 12)  # the second never agreed to marketing
    assert "Test recipient" in shown(marketer.get(f"/contacts/{ours}"))
    assert "2 in all" in shown(marketer.get("/contacts?test=1"))
    sent = marketer.post(f"{place}/test")
    assert sent.location == f"/messages?template={campaigns.template_id}"
    campaigns.dispatch()
    listed = shown(marketer.get(sent.location))
    assert "The test goes to 1 recipient" in listed
    with campaigns.bank.unit() as session:
        rows = session.execute(text("SELECT contact_id, state, reason FROM messages")).all()
    assert {tuple(row) for row in rows} == {(ours, "sent", None), (refuser, "skipped", "no_consent")}
    assert campaigns.bank.browser("viewer").post(f"{place}/test").status_code == 403


def test_who_writes_texts_cannot_lead_a_test_to_somebody_else(campaigns: Campaigning) -> None:
    [ours] = marked(campaigns, 3)
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit("marketer") as session:
        present = profile.input_of(session, profile.get(session, ours, by=by))
        profile.update(session, ours, present.model_copy(update={"city": "Haifa"}), by=by)
        assert profile.get(session, ours, by=by).is_test
        profile.update(session, ours, present.model_copy(update={"phone": "+972522999999"}), by=by)
        assert not profile.get(session, ours, by=by).is_test
    seen, owner = version(campaigns, ours), campaigns.bank.browser("owner")
    owner.get(f"/contacts/{ours}")
    with campaigns.bank.unit("marketer") as session:
        profile.update(session, ours, present.model_copy(update={"phone": "+972522999998"}), by=by)
    owner.post(f"/contacts/{ours}/test/1", {"version": seen})
    assert "Somebody else changed this contact meanwhile" in shown(owner.get(f"/contacts/{ours}"))
    with campaigns.bank.unit() as session:
        assert not session.get_one(Contact, ours).is_test
        recipients.propose(session, ours, version=seen + 1, by=campaigns.bank.staff["owner"])
    campaigns.granted("owner")
    with campaigns.bank.unit("marketer") as session:
        profile.delete(session, ours, by=by)
        assert not profile.restore(session, ours, by=by).is_test


def test_tests_have_a_limit_an_hour(campaigns: Campaigning, monkeypatch: object) -> None:
    marked(campaigns, 3)
    monkeypatch.setattr("app.domain.messages.test_send.MOST_AN_HOUR", 2)  # type: ignore[attr-defined]
    marketer, place = campaigns.bank.browser("marketer"), f"/templates/{campaigns.template_id}"
    marketer.get(place)
    for _ in range(2):
        assert marketer.post(f"{place}/test").location.startswith("/messages")
    assert marketer.post(f"{place}/test").location == place
    assert "too many tests in an hour" in shown(marketer.get(place))


def test_the_texts_of_a_campaign_are_tested_over_the_api(campaigns: Campaigning) -> None:
    campaign, bank = campaigns.draft(), campaigns.bank
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["marketer"].id)
        key = keys.create(session, user, name="tests", scopes=["*"], by=bank.staff["marketer"])
    client, place = bank.app.test_client(), f"/api/v1/campaigns/{campaign}/test"

    def ask() -> TestResponse:
        return client.post(place, headers={"Authorization": f"Bearer {key}", "Idempotency-Key": uuid4().hex})

    assert ask().status_code == 409
    marked(campaigns, 3)
    asked = ask()
    assert (asked.status_code, asked.json["data"]) == (202, {"sms": {"queued": 1}})  # type: ignore[index]
