"""Messages in the browser: the lists, the evidence, the doubts."""

import re
from datetime import datetime, timedelta
from html import unescape
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from app.core import clock
from app.core.actor import system
from app.domain.calendar import hours
from app.domain.contacts.models import Contact
from app.domain.messages.models import FailureSeen, Message
from app.gateways.channels.base import Category, InDoubt, Rejected
from tests.api.test_contacts import Caller
from tests.factories import people
from tests.factories.flows import enter, flow, step, walk
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown

TOKYO = ZoneInfo("Asia/Tokyo")


def test_the_evidence_of_a_message_names_consent_text_and_attempts(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch(lambda _m: Rejected("no such number", category=Category.INVALID_NUMBER))
    operator = campaigns.bank.browser("operator")
    listed = operator.get("/messages?state=failed").get_data(as_text=True)
    found = re.search(r'href="(/messages/[0-9a-f-]{36})"', listed)
    assert found
    page = shown(operator.get(found.group(1)))
    for said in (
        "SMS to D••• L•••",
        "+972•••••",
        "It relies on the consent of",
        "An SMS , version 1",
        "Refused for good",
    ):
        assert said in page
    assert "no such number" in page
    assert "Dana" not in page


def test_a_doubt_is_settled_by_a_person_who_may(campaigns: Campaigning) -> None:
    campaigns.launched()
    fates = iter([InDoubt("no answer"), InDoubt("no answer")])
    campaigns.dispatch(lambda _m: next(fates, None))
    first, second = campaigns.messages(state="in_doubt")
    marketer, operator = campaigns.bank.browser("marketer"), campaigns.bank.browser("operator")
    assert "Send again" not in shown(marketer.get("/messages?state=in_doubt"))
    assert marketer.post(f"/messages/{first}/resolve", {"as": "sent"}).status_code == 403
    assert "Send again" in shown(operator.get("/messages?state=in_doubt"))
    row = operator.post(f"/messages/{first}/resolve", {"as": "sent"}, htmx=True).get_data(as_text=True)
    assert row.lstrip().startswith(f'<tr id="message-{first}"')
    assert operator.post(f"/messages/{second}/resolve", {"as": "again"}).status_code == 303
    assert operator.post(f"/messages/{second}/resolve", {"as": "again"}).status_code == 409
    assert campaigns.messages(state="queued") == [second]
    assert "Nothing is in doubt" in shown(operator.get("/messages?state=in_doubt"))


def test_a_message_of_a_flow_leads_to_its_flow(campaigns: Campaigning) -> None:
    with campaigns.bank.unit() as session:
        text = step("sms", "send_sms", template_id=str(campaigns.template_id))
        made = flow(session, text, step("wait", "wait", days=1), name="Welcome")
        enter(session, made, people.contacts(session, 1, start=600))
        walk(session)
        message = session.execute(select(Message.id)).scalar_one()
    page = campaigns.bank.browser("auditor").get(f"/messages/{message}").get_data(as_text=True)
    assert f'<dt>Flow</dt><dd><a href="/flows/{made.id}"><bdi>Welcome</bdi></a></dd>' in page
    assert "<dt>Campaign</dt>" not in page


def test_a_message_that_waits_for_the_morning_of_its_person_says_so(campaigns: Campaigning) -> None:
    week = {str(day): {"opens": "09:00", "closes": "19:30"} for day in range(7)}
    with campaigns.bank.unit() as session:
        by = system(campaigns.bank.organisation_id)
        hours.keep(session, hours.CalendarInput.model_validate({"week": week, "holidays": ""}), by=by)
        session.execute(update(Contact).values(timezone="Asia/Tokyo"))
    campaign_id, now = campaigns.launched(), clock.now().astimezone(TOKYO)
    evening = now.replace(hour=22, minute=40) + timedelta(days=(now.hour, now.minute) > (22, 40))
    morning = (evening + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    with clock.at(evening):
        campaigns.dispatch()
        [waits, *_] = campaigns.messages(state="queued")
        page = shown(campaigns.bank.browser("operator").get(f"/messages/{waits}"))
        assert (
            f"it is {evening:%d/%m/%Y}, 22:40 Asia/Tokyo , and it goes on at {morning:%d/%m/%Y}, 09:00 Asia/Tokyo there"
            in page
        )
        told = Caller(campaigns.bank, "operator").data("GET", f"/messages/{waits}")["waits"]
        assert told["timezone"] == "Asia/Tokyo"
        assert datetime.fromisoformat(told["until"]) == morning
        here = morning.astimezone(ZoneInfo("Asia/Jerusalem"))
        page = shown(campaigns.bank.browser("marketer").get(f"/campaigns/{campaign_id}"))
        assert f"goes on, on {here:%d/%m/%Y, %H:%M}" in page


def test_an_id_that_is_none_is_refused(campaigns: Campaigning) -> None:
    operator = campaigns.bank.browser("operator")
    assert operator.get("/messages?campaign=nonsense").status_code == 422
    assert operator.get("/messages/00000000-0000-0000-0000-000000000000").status_code == 404


def test_the_text_is_shown_as_it_was_sent_masked_until_somebody_asks(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch()
    message_id = campaigns.messages(state="sent")[0]
    operator, marketer = campaigns.bank.browser("operator"), campaigns.bank.browser("marketer")
    page = shown(operator.get(f"/messages/{message_id}"))
    assert "Hello D•••" in page
    assert "Show personal data" not in page
    assert operator.post(f"/messages/{message_id}/reveal", {}).status_code == 403
    marketer.get(f"/messages/{message_id}")
    clear = shown(marketer.post(f"/messages/{message_id}/reveal", {}))
    assert "Advertisement. Hello Dana" in clear
    assert "exactly what was handed over" in clear


def test_a_contacts_messages_are_a_tab_of_its_page(campaigns: Campaigning) -> None:
    campaigns.launched(name="First")
    campaigns.launched(name="Second")
    campaigns.dispatch()
    with campaigns.bank.unit() as session:
        said = select(Contact.id).where(Contact.external_id.in_(("1", "2"))).order_by(Contact.external_id)
        contact_id, other = session.execute(said).scalars()
    marketer = campaigns.bank.browser("marketer")
    head = marketer.get(f"/contacts/{contact_id}").get_data(as_text=True)
    tab = f"/contacts/{contact_id}/messages"
    assert f'href="{tab}"' in head
    page = marketer.get(f"{tab}?per_page=1").get_data(as_text=True)
    assert re.search(rf'href="{tab}"[^>]*aria-current', page), "the tab is marked, the head is kept"
    assert page.count('<tr id="message-') == 1
    assert "Second" in page
    following = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    assert following.startswith(tab)
    part = marketer.get(following, htmx=True).get_data(as_text=True)
    assert "First" in part
    assert "<html" not in part
    assert marketer.get(f"/messages?contact={contact_id}").location == tab
    for one in re.findall(r'<tr id="message-([0-9a-f-]{36})"', marketer.get(f"/contacts/{other}/messages").text):
        assert one not in page + part
    nobody = marketer.get(f"/contacts/{UUID(int=0)}/messages")
    assert nobody.status_code == 404


def test_who_was_never_written_to_is_told_so(campaigns: Campaigning) -> None:
    with campaigns.bank.unit() as session:
        contact_id = session.execute(select(Contact.id).limit(1)).scalar_one()
    assert "No messages yet" in shown(campaigns.bank.browser("marketer").get(f"/contacts/{contact_id}/messages"))


def test_an_operator_sees_what_failed_for_good_and_sees_to_it(campaigns: Campaigning) -> None:
    campaigns.launched()
    campaigns.dispatch(lambda m: Rejected("no", category=Category.FILTERED) if m.to.endswith("01") else None)
    operator, viewer = campaigns.bank.browser("operator"), campaigns.bank.browser("viewer")
    assert "Messages failed for good, for 1 reason." in shown(operator.get("/"))
    page = operator.get("/messages/failures")
    assert "Filtered" in shown(page)
    assert "3 attempts in all, 6 hours apart, in the allowed hours" in shown(page)
    assert "Seen to" not in shown(viewer.get("/messages/failures"))
    caller = Caller(campaigns.bank, "operator")
    [one] = caller.data("GET", "/messages/failures")
    assert (one["category"], one["messages"], one["source_kind"]) == ("filtered", 1, "campaign")
    assert "Filtered" in shown(operator.get(f"/messages?campaign={one['source_id']}&reason=filtered"))
    given = {"send": one["send_id"], "category": "filtered", "until": one["last_at"]}
    assert viewer.post("/messages/failures", given).status_code == 403
    assert operator.post("/messages/failures", given | {"until": "soon"}).status_code == 422
    with campaigns.bank.unit() as session:
        seen = select(FailureSeen.category)
        assert session.execute(seen).all() == []
    by_api = caller("POST", "/messages/failures/handled", given)
    assert (by_api.status_code, by_api.get_json()["data"]) == (200, [])
    assert (
        operator.post("/messages/failures", given | {"until": exact_of(page.get_data(as_text=True))}).status_code == 303
    )
    assert "Nothing failed for good" in shown(operator.get("/messages/failures"))


def exact_of(page: str) -> str:
    found = re.search(r'name="until" value="([^"]+)"', page)
    assert found
    return found.group(1)
