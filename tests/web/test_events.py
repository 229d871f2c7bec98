"""Events in the browser: what comes in, keys for pages, and the script."""

from uuid import uuid4

from app.domain.access.models import ApiKey
from app.domain.events import interest
from app.web.assets import FOLDER
from tests.api.test_contacts import Caller
from tests.api.test_events import ANON, Page
from tests.factories import people
from tests.web.pages import House


def test_an_empty_page_says_what_to_do(bank: House) -> None:
    shown = bank.browser("marketer").get("/events").text
    assert "Nothing has been told yet" in shown
    assert "/account/keys/pages/new" in shown
    assert "/account/keys/pages/new" not in bank.browser("viewer").get("/events").text


def test_events_are_seen_as_they_come(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 1)
        interest.listen(session, "flows", uuid4(), ["application_sent"])
    Page(bank)("POST", "/track", {"event": "calculator_used", "contact": ANON, "properties": {"amount": 50000}})
    Caller(bank, "marketer")("POST", "/track", {"event": "login", "contact": {"external_id": "0"}})
    browser = bank.browser("viewer")
    page, part = browser.get("/events").text, browser.get("/events", htmx=True).text
    for shown in (page, part):
        assert "amount: 50000" in shown
        assert "said by a page" in shown
        assert 'hx-trigger="every 4s"' in shown
    assert "data-key=&#34;pk_" in page or 'data-key="pk_' in page
    found = browser.get("/events?event=login", htmx=True).text
    assert "login" in found
    assert "calculator_used" not in found
    assert "No event of this name" in browser.get("/events?event=logout", htmx=True).text
    names = browser.get("/events/names").text
    assert "calculator_used" in names
    assert "application_sent" in names, "nobody has told of it yet, and somebody waits for it"


def test_the_api_lists_what_the_page_shows(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 1)
        subject = uuid4()
        interest.listen(session, "segments", subject, ["login"])
    caller = Caller(bank, "marketer")
    for number in range(3):
        caller("POST", "/track", {"event": "login", "contact": {"external_id": "0"}, "properties": {"n": number}})
    caller("POST", "/track", {"event": "logout", "contact": {"external_id": "0"}})
    viewer = Caller(bank, "viewer")
    answer = viewer("GET", "/events?per_page=2").get_json()
    assert [one["name"] for one in answer["data"]] == ["logout", "login"]
    rest = viewer.client.get(answer["links"]["next"], headers={"Authorization": f"Bearer {viewer.key}"}).get_json()
    assert [one["properties"]["n"] for one in rest["data"]] == [1, 0]
    assert [one["properties"]["n"] for one in viewer.data("GET", "/events?event=login")] == [2, 1, 0]
    names = viewer.data("GET", "/events/names")
    assert names[0] == {
        "name": "login", "day": 3, "month": 3, "listeners": [{"consumer": "segments", "id": str(subject)}],
    }  # fmt: skip


def test_a_key_for_pages_is_made_and_changed_in_the_browser(bank: House) -> None:
    browser = bank.browser("marketer")
    browser.get("/account/keys/pages/new")
    refused = browser.post("/account/keys/pages/new", {"name": "Site", "origins": "www.bank.example"})
    assert refused.status_code == 422
    assert "An origin is written like" in refused.text
    assert "www.bank.example" in refused.text
    made = browser.post("/account/keys/pages/new", {"name": "Site", "origins": "https://www.bank.example"})
    assert made.status_code == 303
    shown = browser.get(made.headers["Location"]).text
    assert "pk_" in shown
    assert "https://www.bank.example" in shown
    changed = browser.post(made.headers["Location"], {"origins": "https://a.example\nhttps://b.example"})
    assert changed.status_code == 303
    with bank.unit() as session:
        key = session.get_one(ApiKey, made.headers["Location"].split("/")[-2])
        assert key.origins == ["https://a.example", "https://b.example"]
    assert "https://a.example https://b.example" in browser.get("/account/keys").text
    assert bank.browser("viewer").get(made.headers["Location"]).status_code == 403
    assert bank.browser("viewer").get("/account/keys/pages/new").status_code == 403


def test_the_script_is_small_and_stays_where_it_is(bank: House) -> None:
    answer = bank.app.test_client().get("/js/carillon.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(answer.data) < 3000
    assert answer.data == (FOLDER / "js" / "carillon.js").read_bytes()
    again = bank.app.test_client().get("/js/carillon.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_contacts_history_holds_what_he_did(bank: House) -> None:
    with bank.unit() as session:
        (who,) = people.contacts(session, 1)
    caller, browser = Caller(bank, "marketer"), bank.browser("marketer")
    page = Page(bank)
    page("POST", "/track", {"event": "offer_viewed", "contact": ANON, "properties": {"offer": "loan"}})
    page("POST", "/identify", {"contact": ANON, "traits": {"job": "teacher <b>"}})
    caller("POST", "/identify", {"contact": {"external_id": "0", **ANON}, "traits": {"city": "Haifa"}})
    shown = browser.get(f"/contacts/{who}/history").text
    for words in (
        "offer_viewed",
        "offer: loan",
        "said by a page",
        "Consent: Granted",
        "Came in with an import",
        "City",
    ):
        assert words in shown, words
    few = browser.get(f"/contacts/{who}/history?kind=event", htmx=True).text
    assert "offer_viewed" in few
    assert "Granted" not in few
    assert browser.get(f"/contacts/{who}/history?kind=x").status_code == 422
    browser.get(f"/contacts/{who}")
    told = browser.post(f"/contacts/{who}/reveal", htmx=True).text
    assert "Said on pages, not verified" in told
    assert "teacher &lt;b&gt;" in told
    data = caller.data("GET", f"/contacts/{who}/history?kind=event")
    assert [(one["action"], one["is_verified"], one["properties"]) for one in data] == [
        ("offer_viewed", False, {"offer": "loan"})
    ]
