"""The audit log in the browser: filtered, verified, exported."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, text

from app.core import clock
from app.core.db import db, make_owner_engine
from app.core.errors import Forbidden
from app.core.settings import Settings
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.audit import trail
from app.domain.campaigns import drafts
from app.domain.campaigns.drafts import Audience, CampaignInput
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown


def test_the_log_is_filtered_and_differences_are_read(campaigns: Campaigning) -> None:
    campaigns.submitted()
    auditor = campaigns.bank.browser("auditor")
    page = shown(auditor.get("/audit?subject=campaign"))
    assert "Submitted the campaign for approval" in page
    assert "Created the campaign" in page
    part = auditor.get("/audit?action=campaign.created", htmx=True)
    assert "Submitted" not in shown(part)
    assert "<html" not in part.get_data(as_text=True)
    assert "Nothing like this was done" in shown(auditor.get("/audit?action=report.made"))
    assert campaigns.bank.browser("marketer").get("/audit").status_code == 403


def test_the_chain_is_verified_and_a_change_shows(campaigns: Campaigning, page_settings: Settings) -> None:
    campaigns.draft()
    auditor = campaigns.bank.browser("auditor")
    assert "The chain is whole" in shown(auditor.get("/audit/verify"))
    owner = make_owner_engine(page_settings)
    with owner.begin() as connection:
        said = "UPDATE audit_entries SET actor_name = 'Nobody' WHERE organisation_id = :id AND seq = 2"
        connection.execute(text(said), {"id": campaigns.bank.organisation_id})
    owner.dispose()
    assert "The chain is broken at entry 2" in shown(auditor.get("/audit/verify", htmx=True))


def test_all_of_it_is_exported_and_the_export_is_noted(campaigns: Campaigning) -> None:
    campaigns.draft(name="=cmd|calc")
    auditor = campaigns.bank.browser("auditor")
    answer = auditor.client.get("/audit/export?subject=campaign")
    lines = answer.get_data(as_text=True).splitlines()
    assert answer.mimetype == "text/csv"
    assert len(lines) == 2
    assert "campaign.created" in lines[1]
    assert "Exported the audit log" in shown(auditor.get("/audit"))


def test_who_may_only_read_it_does_not_carry_it_away(campaigns: Campaigning) -> None:
    admin = campaigns.bank.browser("admin")
    assert "Export CSV" not in shown(admin.get("/audit"))
    assert admin.get("/audit/export").status_code == 403
    by = campaigns.bank.staff["admin"]
    with pytest.raises(Forbidden), campaigns.bank.unit("admin") as session:
        trail.export(session, trail.Filter(), by=by)
    assert "Export CSV" in shown(campaigns.bank.browser("auditor").get("/audit"))


def test_the_days_of_the_trail_are_chosen(campaigns: Campaigning) -> None:
    auditor = campaigns.bank.browser("auditor")
    campaigns.submitted()
    today = clock.today("Asia/Jerusalem")
    yesterday = today - timedelta(days=1)
    assert "Submitted the campaign for approval" in shown(auditor.get(f"/audit?from={today}&until={today}", htmx=True))
    assert "Submitted the campaign for approval" not in shown(auditor.get(f"/audit?until={yesterday}", htmx=True))
    for query, said in (
        ("from=tomorrow", "This is not a date"),
        (f"from={today}&until={yesterday}", "The last day is before the first"),
    ):
        for htmx in (False, True):
            wrong = auditor.get(f"/audit?{query}", htmx=htmx)
            assert wrong.status_code == 422
            assert said in shown(wrong)
    part = auditor.get(f"/audit?until={yesterday}", htmx=True).get_data(as_text=True)
    assert f'/audit/export?until={yesterday}"' in part, "the file holds what the list shows"
    assert "Submitted" not in auditor.get(f"/audit/export?until={yesterday}").get_data(as_text=True)
    assert "campaign.submitted" in auditor.get(f"/audit/export?from={today}").get_data(as_text=True)
    with campaigns.bank.unit() as session:
        user = session.get_one(User, campaigns.bank.staff["auditor"].id)
        key = keys.create(session, user, name="tests", scopes=["*"], by=campaigns.bank.staff["auditor"])
    client, auth = campaigns.bank.app.test_client(), {"Authorization": f"Bearer {key}"}
    assert client.get(f"/api/v1/audit?until={yesterday}", headers=auth).get_json()["data"] == []
    assert client.get(f"/api/v1/audit?from={today}", headers=auth).get_json()["data"]
    assert client.get("/api/v1/audit?from=x", headers=auth).status_code == 422


def test_what_a_history_counts_is_said_in_the_readers_language(campaigns: Campaigning) -> None:
    campaign_id = campaigns.launched()
    marketer = campaigns.bank.browser("marketer")
    assert "SMS › No consent" in shown(marketer.get(f"/campaigns/{campaign_id}/history"))
    marketer.client.set_cookie("carillon_locale", "he")
    history = shown(marketer.get(f"/campaigns/{campaign_id}/history"))
    assert "SMS › אין הסכמה" in history
    assert not {"Queued", "No consent", "queued"} & set(history.split())
    admin = campaigns.bank.browser("admin")
    admin.client.set_cookie("carillon_locale", "he")
    assert "Project-Id-Version" not in shown(admin.get("/approvals?view=all"))


def renamed_audience(campaigns: Campaigning, campaign_id: UUID, name: str) -> UUID:
    """A segment of this name, which the campaign goes to from now on."""
    by = campaigns.bank.staff["marketer"]
    with campaigns.bank.unit("marketer") as session:
        segment = library.create(session, SegmentInput(name=name, definition={"where": {"all": []}}), by=by)
        new = CampaignInput(
            name="Savings offer", sms_template_id=campaigns.template_id, audience=Audience(segments=(segment.id,))
        )
        drafts.update(session, campaign_id, new, by=by)
        return segment.id


def test_histories_call_things_by_their_names(campaigns: Campaigning) -> None:
    campaign_id = campaigns.draft()
    first, second = (renamed_audience(campaigns, campaign_id, name) for name in ("Savers <now>", "Everybody else"))
    with campaigns.bank.unit() as session:
        user = session.get_one(User, campaigns.bank.staff["viewer"].id)
        keys.create(session, user, name="Till", scopes=["contacts:read"], by=campaigns.bank.staff["viewer"])
        called = user.name
    auditor = campaigns.bank.browser("auditor")
    page = auditor.get("/audit").get_data(as_text=True)
    named = f'<bdi title="{second}">Everybody else</bdi>'
    assert named in page, "what a change names, with its id"
    assert f'<bdi title="{first}">Savers &lt;now&gt;</bdi>' in page
    assert f'<bdi title="{user.id}">{called}</bdi>' in page
    assert f'<bdi title="{campaign_id}">Savings offer</bdi>' in page, "what an act was done to"
    assert re.search(r'<bdi title="[0-9a-f-]{36}">Till</bdi>', page)
    history = auditor.get(f"/campaigns/{campaign_id}/history").get_data(as_text=True)
    assert named in history
    assert str(second) not in re.sub(r'title="[^"]*"', "", history)
    lines = auditor.get("/audit/export?subject=campaign").get_data(as_text=True)
    assert f"Savers <now> ({first}) → Everybody else ({second})" in lines
    assert f",campaign,{campaign_id},Savings offer," in lines


def test_a_longer_page_of_the_log_asks_the_database_no_more_often(campaigns: Campaigning) -> None:
    campaign_id, auditor = campaigns.draft(), campaigns.bank.browser("auditor")
    said: list[str] = []
    with campaigns.bank.app.app_context():
        engine = db.engine

    def asked() -> int:
        auditor.get("/audit")
        said.clear()
        event.listen(engine, "before_cursor_execute", note)
        auditor.get("/audit")
        event.remove(engine, "before_cursor_execute", note)
        return len(said)

    def note(_connection: object, _cursor: object, sql: str, *_more: object) -> None:
        said.append(sql)

    renamed_audience(campaigns, campaign_id, "Number 0")
    few = asked()
    for number in range(1, 7):
        renamed_audience(campaigns, campaign_id, f"Number {number}")
    assert asked() == few
