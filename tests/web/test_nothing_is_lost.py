"""Nothing that was written is lost: not when a session ends, not when somebody else was faster."""

import re
from uuid import UUID

import pyotp
from sqlalchemy import text

from app.core import clock
from app.domain.access import kept, mfa, sessions
from app.domain.access.models import User
from app.domain.campaigns.models import Campaign
from app.domain.contacts import identifiers, profile
from app.domain.content import library
from app.domain.content.library import Said
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories.people import PASSWORD
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser
from tests.web.test_campaigns import FORM, shown


def end_sessions(campaigns: Campaigning, role: str) -> None:
    with campaigns.bank.unit() as session:
        said = "UPDATE sessions SET seen_at = seen_at - interval '31 minutes' WHERE user_id = :id"
        session.execute(text(said), {"id": campaigns.bank.staff[role].id})


def sign_in(campaigns: Campaigning, browser: Browser, role: str) -> str:
    """Sign in again; where the browser is sent."""
    with campaigns.bank.unit() as session:
        user = session.get_one(User, campaigns.bank.staff[role].id)
        email, secret = user.email, mfa.new_secret()
        mfa.set_secret(session, user, secret)
        user.totp_confirmed_at = clock.now()
    browser.get("/login")
    browser.post("/login", {"email": email, "password": PASSWORD})
    browser.get("/login/code")
    return str(browser.post("/login/code", {"code": pyotp.TOTP(secret).now()}).location)


def test_what_was_sent_too_late_is_there_after_signing_in(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/campaigns/new")
    end_sessions(campaigns, "marketer")
    late = marketer.post("/campaigns/new", {**FORM, "description": "Written for an hour", "password": "never kept"})
    assert late.location.startswith("/login")
    assert sign_in(campaigns, marketer, "marketer") == "/kept"
    page = marketer.get("/kept")
    assert "Written for an hour" in shown(page)
    assert "never kept" not in page.get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.get_data(as_text=True)))
    again = marketer.post("/kept/back", {name: value for name, value in hidden.items() if name != "csrf_token"})
    assert (again.status_code, again.location) == (307, "/campaigns/new")
    sent = marketer.post(again.location, {name: value for name, value in hidden.items() if name != "csrf_token"})
    assert sent.status_code == 303
    with campaigns.bank.unit() as session:
        assert session.execute(text("SELECT description FROM campaigns")).scalar_one() == "Written for an hour"
    assert marketer.get("/kept").location == "/", "it is there once"


def test_a_page_keeps_what_is_being_written_when_its_time_is_over(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/templates/new/sms")
    end_sessions(campaigns, "marketer")
    assert (
        marketer.post("/kept?path=/templates/new/sms&page=/templates/new/sms", {"en_body": "Half a text"}).status_code
        == 204
    )
    assert sign_in(campaigns, marketer, "marketer") == "/kept"
    assert "Half a text" in shown(marketer.get("/kept"))
    marketer.post("/kept/discard")
    assert marketer.get("/kept").location == "/"


def test_nobody_else_gets_it(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    marketer.get("/campaigns/new")
    end_sessions(campaigns, "marketer")
    marketer.post("/campaigns/new", {**FORM, "description": "A secret plan"})
    assert sign_in(campaigns, marketer, "viewer") == "/", "another person at the same browser"
    assert marketer.get("/kept").location == "/"
    with campaigns.bank.unit() as session:
        sealed = session.execute(text("SELECT sealed FROM kept_forms")).scalar_one()
        assert b"A secret plan" not in bytes(sealed)
        session.execute(text("UPDATE kept_forms SET at = at - interval '25 hours'"))
        kept.forget_old(session)
        assert session.execute(text("SELECT count(*) FROM kept_forms")).scalar_one() == 0


def test_without_a_session_of_ones_own_nothing_is_kept(campaigns: Campaigning) -> None:
    stranger = Browser(campaigns.bank.app.test_client())
    stranger.get("/login")
    stranger.client.set_cookie("sid", "no such session")
    assert stranger.post("/kept?path=/x", {"en_body": "Flood"}).status_code == 204
    with campaigns.bank.unit() as session:
        assert session.execute(text("SELECT count(*) FROM kept_forms")).scalar_one() == 0
        row = sessions.ended(session, "no such session")
    assert row is None


def versions(page: str) -> dict[str, str]:
    found = re.search(r'name="version"[^>]* value="(\d+)"', page)
    assert found
    return {"version": found.group(1)}


def test_a_template_that_somebody_else_saved_shows_who_and_what(campaigns: Campaigning) -> None:
    place = f"/templates/{campaigns.template_id}/edit"
    marketer = campaigns.bank.browser("marketer")
    seen = versions(marketer.get(place).get_data(as_text=True))
    with campaigns.bank.unit("owner") as session:
        by = campaigns.bank.staff["owner"]
        given = library.as_input(session, library.get(session, campaigns.template_id, by=by))
        writer = campaigns.bank.staff["marketer"]
        object.__setattr__(by, "permissions", by.permissions | writer.permissions)
        library.update(
            session,
            campaigns.template_id,
            given.model_copy(
                update={"name": "Theirs", "texts": {"en": Said(body="Their words {{ unsubscribe_url }}")}}
            ),
            by=by,
        )
    mine = {
        **seen,
        "name": "Mine",
        "message_class": "marketing",
        "fallback_language": "en",
        "en_body": "My own words {{ unsubscribe_url }}",
    }
    late = marketer.post(place, mine)
    assert late.status_code == 409
    said = shown(late)
    assert "Owner saved this while you were editing" in said
    assert "now: Theirs" in said
    assert "yours: Mine" in said
    assert "My own words" in said
    assert versions(late.get_data(as_text=True)) != seen, "saving again puts it in its place"


def test_ones_own_other_window_is_not_somebody_else(campaigns: Campaigning) -> None:
    campaign_id = campaigns.draft()
    place = f"/campaigns/{campaign_id}/edit"
    marketer = campaigns.bank.browser("marketer")
    seen = versions(marketer.get(place).get_data(as_text=True))
    form = {**FORM, **seen, "sms_template_id": str(campaigns.template_id)}
    assert marketer.post(place, {**form, "name": "First window"}).status_code == 303
    late = marketer.post(place, {**form, "name": "Second window"})
    assert late.status_code == 409
    said = shown(late)
    assert "You saved this in another window" in said
    assert "now: First window" in said
    assert (
        marketer.post(place, {**form, **versions(late.get_data(as_text=True)), "name": "Second window"}).status_code
        == 303
    )
    with campaigns.bank.unit() as session:
        assert session.get_one(Campaign, campaign_id).name == "Second window"


def test_a_segment_and_a_contact_say_so_too(campaigns: Campaigning) -> None:
    bank, marketer = campaigns.bank, campaigns.bank.browser("marketer")
    where = {"all": [{"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}]}
    new = SegmentInput(name="Here", definition={"version": 1, "zone": "organisation", "where": where})
    with bank.unit("marketer") as session:
        segment_id: UUID = segments.create(session, new, by=bank.staff["marketer"]).id
    page = marketer.get(f"/segments/{segment_id}/edit").get_data(as_text=True)
    fields = re.findall(r'<input[^>]*type="hidden"[^>]*name="(t)"[^>]*value="([^"]*)"', page)
    with bank.unit("marketer") as session:
        segments.update(session, segment_id, new.model_copy(update={"name": "There"}), by=bank.staff["marketer"])
    sent = {**versions(page), "name": "Mine", "t": [value for _, value in fields]}
    late = marketer.post(f"/segments/{segment_id}/edit", sent)
    assert late.status_code == 409
    assert "You saved this in another window" in shown(late)
    with bank.unit("marketer") as session:
        contact = identifiers.resolve(session, "external_id", "3")
        seen = contact.version
        present = profile.input_of(session, contact)
        profile.update(session, contact.id, present.model_copy(update={"city": "Acre"}), by=bank.staff["marketer"])
    late = marketer.post(
        f"/contacts/{contact.id}/edit", {"version": seen, "external_id": "3", "city": "Haifa", "first_name": "Dana3"}
    )
    assert late.status_code == 409
    assert "now: Acre" in shown(late)
