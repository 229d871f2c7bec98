"""Segment pages as a person without script uses them, and the parts htmx asks for."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from app.core.actor import system
from app.domain.contacts import properties
from app.domain.contacts.properties import PropertyInput
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from tests.factories import people
from tests.web.pages import Browser, House

RICH = {"kind": "field", "field": "properties.balance", "op": "gte", "value": 15000}
HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}


def asked(browser: Browser, url: str, number: str) -> TestResponse:
    """The page that explains one customer."""
    answer = browser.post(url, {"contact": number})
    assert f"={number}" not in answer.location
    return browser.get(answer.location)


class Form(HTMLParser):
    """What a browser would send of the form `seg`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: MultiDict[str, str] = MultiDict()
        self.inside = False
        self.select = self.textarea = ""
        self.chosen: list[str] = []
        self.first: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = given.get("id") == "seg"
        if not self.inside:
            return
        if tag == "input" and given.get("name"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.values.add(given["name"], given.get("value", ""))
        elif tag == "select":
            self.select, self.chosen, self.first = given["name"], [], []
        elif tag == "option" and self.select:
            (self.chosen if "selected" in given else self.first).append(given.get("value", ""))
        elif tag == "textarea":
            self.textarea = given["name"]
            self.values.add(self.textarea, "")

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.values[self.textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.textarea = ""
        elif tag == "select" and self.select:
            self.values.add(self.select, (self.chosen or self.first)[0])
            self.select = ""


class Builder:
    """The builder page in a browser without script."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.page = browser.get(url).get_data(as_text=True)

    def send(self, url: str, **changes: Any) -> TestResponse:
        form = Form(self.page).values
        for name, value in changes.items():
            form.setlist(name.replace("__", "."), value if isinstance(value, list) else [value])
        answer = self.browser.client.post(url, data=form)
        self.page = answer.get_data(as_text=True)
        return answer

    def do(self, order: str = "", **changes: Any) -> "Builder":
        answer = self.send("/segments/build", do=order, **changes)
        assert answer.status_code == 200, self.page[:500]
        return self

    def save(self, **changes: Any) -> TestResponse:
        return self.send(self.url, **changes)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", self.page)))


@pytest.fixture
def peopled(bank: House) -> House:
    with bank.unit() as session:
        by = system(bank.organisation_id)
        properties.define(session, PropertyInput(key="balance", type="number", label="Balance"), by=by)
        people.contacts(session, 6, city="Haifa", properties={"balance": 20000})
        people.contacts(session, 4, start=10, city="אילת", properties={"balance": 100}, consent=False)
    return bank


def stored(bank: House, name: str = "Rich", where: dict[str, Any] = RICH) -> str:
    with bank.unit() as session:
        new = SegmentInput(name=name, definition={"where": where})
        return f"/segments/{library.create(session, new, by=system(bank.organisation_id)).id}"


def test_an_empty_list_says_what_to_do_next(bank: House) -> None:
    assert "No segments yet" in bank.browser("marketer").get("/segments").get_data(as_text=True)
    assert "/segments/new" not in bank.browser("viewer").get("/segments").get_data(as_text=True)


def test_a_segment_is_built_counted_saved_and_explained_without_script(peopled: House) -> None:
    marketer = peopled.browser("marketer")
    builder = Builder(marketer, "/segments/new").do("add-rule:g1").do(r1__field="properties.balance").do(r1__op="gte")
    assert "not counted yet" in builder.words
    builder.do(r1__v="15,000")
    assert "6 60.0% of 10" in builder.words
    assert "Everybody for whom Balance is at least 15000." in builder.words
    builder.do("add-group:g1").do(r2__field="consent.email").do("add-rule:g2").do(r3__field="city").do(r3__v="אילת")
    assert "By itself: 4" in builder.words
    saved = builder.save(name="Rich", description="With consent, or in Eilat")
    assert saved.status_code == 303
    url = saved.headers["Location"]
    page = marketer.get(url).get_data(as_text=True)
    assert "With consent, or in Eilat" in page
    assert "אילת" in page
    assert "Rich" in marketer.get("/segments").get_data(as_text=True)
    assert "Rich" not in marketer.get("/segments?q=poor").get_data(as_text=True)
    assert marketer.get(f"{url}/contacts").get_data(as_text=True).count("/contacts/") >= 6
    inside = unescape(re.sub(r"<[^>]+>", "", asked(marketer, f"{url}/why", "2").get_data(as_text=True)))
    outside = unescape(re.sub(r"<[^>]+>", "", asked(marketer, f"{url}/why", "11").get_data(as_text=True)))
    assert "Customer 2 is in this segment." in inside
    assert "now: 20,000" in inside
    assert "Customer 11 is not in this segment." in outside
    assert "now: 100" in outside
    assert "There is no such contact" in asked(marketer, f"{url}/why", "nobody").get_data(as_text=True)


def test_names_are_conditions_whose_values_only_some_may_see(peopled: House) -> None:
    marketer = peopled.browser("marketer")
    builder = Builder(marketer, "/segments/new").do("add-rule:g1").do(r1__field="first_name")
    assert re.findall(r'<option value="(\w+)"', builder.page.split('name="r1.op"')[1].split("</select>")[0]) == [
        "eq", "neq", "in", "not_in", "starts_with", "is_set", "is_not_set",
    ]  # fmt: skip
    builder.do(r1__op="starts_with", r1__v="a name of many letters")
    assert "Give the first 20 letters at most." in builder.words
    builder.do(r1__v="DANA1")
    assert "5 50.0% of 10" in builder.words
    assert "First name starts with “DANA1”" in builder.words, "whoever typed it reads it in words, too"
    builder.do("add-rule:g1").do(r2__field="last_name").do(r2__op="in").do(r2__v="Levi\nלוי")
    assert "5 50.0% of 10" in builder.words
    url = builder.save(name="Danas").headers["Location"]
    page = marketer.get(url).get_data(as_text=True)
    assert "“D•••”" in page
    assert "DANA1" not in page
    assert "Levi" not in page
    edited = Builder(marketer, f"{url}/edit")
    assert 'value="DANA1"' in edited.page, "whoever may see people edits it in clear"
    assert "“DANA1”" in edited.words
    assert "now: D•••" in unescape(re.sub(r"<[^>]+>", "", asked(marketer, f"{url}/why", "1").get_data(as_text=True)))
    marketer.client.set_cookie("carillon_locale", "he")
    assert "שם פרטי" in marketer.get(url).get_data(as_text=True)


def test_what_is_wrong_stands_beside_its_input_and_nothing_is_lost(peopled: House) -> None:
    stored(peopled)
    builder = Builder(peopled.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="properties.balance")
    builder.do(r1__v="<b>many</b>")
    assert 'aria-invalid="true" aria-describedby="wrong-r1"' in builder.page
    assert "<b>many</b>" not in builder.page
    builder.do("add-rule:g1").do(r2__field="bucket").do(r2__from="10", r2__to="5")
    refused = builder.save(name="rich")
    assert refused.status_code == 422
    assert "There is a segment of this name already." in builder.words
    assert "Some conditions are not right yet." in builder.words
    assert 'value="rich"' in builder.page
    assert "This is not a number." in builder.words
    assert "must not be greater than" in builder.words
    mended = builder.save(name="Others", r1__v="7", r2__from="0", r2__to="100")
    assert mended.status_code == 303


def test_a_builder_without_conditions_is_everybody(peopled: House) -> None:
    builder = Builder(peopled.browser("marketer"), "/segments/new").do()
    assert "10 100.0% of 10" in builder.words
    assert "Everybody." in builder.words


def test_an_unfinished_row_is_told_off_only_when_saving(peopled: House) -> None:
    builder = Builder(peopled.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="city")
    assert "aria-invalid" not in builder.page
    assert "Not counted yet: a value is missing." in builder.words
    assert builder.save(name="Half").status_code == 422
    assert "aria-invalid" in builder.page


def test_the_way_back(peopled: House) -> None:
    builder = (
        Builder(peopled.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="city").do(r1__v="Haifa")
    )
    builder.do("delete:r1")
    assert "r1.field" not in builder.page
    builder.do("undo")
    assert 'name="r1.v" id="r1-v" value="Haifa"' in builder.page
    builder.do("redo")
    assert "r1.field" not in builder.page


def test_two_people_edit_and_the_second_is_told(peopled: House) -> None:
    url = stored(peopled)
    mine, theirs = (Builder(peopled.browser("marketer"), f"{url}/edit") for _ in range(2))
    assert theirs.save(r1__v="16000").status_code == 303
    assert mine.save(r1__v="17000").status_code == 409
    assert "You saved this in another window" in mine.words
    assert 'value="17000"' in mine.page
    history = peopled.browser("marketer").get(f"{url}/history").get_data(as_text=True)
    assert "Balance is at least 15000" in history
    assert "Balance is at least 16000" in history


def test_a_segment_does_not_offer_itself_and_is_kept_while_used(peopled: House) -> None:
    inner = stored(peopled, "Inner")
    inner_id = inner.rpartition("/")[2]
    outer = stored(peopled, "Outer", {"kind": "segment", "segment": inner_id, "op": "in"})
    marketer = peopled.browser("marketer")
    builder = Builder(marketer, f"{inner}/edit")
    builder.do("add-rule:g1").do(r2__field="segment")
    assert "Outer" in builder.page
    assert builder.save(r2__v=outer.rpartition("/")[2]).status_code == 422
    assert "The segment would contain itself." in builder.words
    assert "Outer" in marketer.get(inner).get_data(as_text=True)
    assert marketer.post(f"{inner}/archive").status_code == 409
    assert marketer.post(f"{outer}/archive").status_code == 303
    assert marketer.post(f"{inner}/archive").status_code == 303
    assert "Inner" in marketer.get("/segments?state=archived").get_data(as_text=True)


def test_a_copy_is_begun_from_a_segment(peopled: House) -> None:
    url = stored(peopled, where={"not": {"any": [RICH, HAIFA]}})
    builder = Builder(peopled.browser("marketer"), f"/segments/new?like={url.rpartition('/')[2]}")
    saved = builder.save()
    assert saved.status_code == 303
    assert "Rich (copy)" in peopled.browser("viewer").get("/segments").get_data(as_text=True)


def test_htmx_gets_the_builder_and_the_numbers(peopled: House) -> None:
    marketer = peopled.browser("marketer")
    form = Form(Builder(marketer, f"{stored(peopled)}/edit").page).values
    marketer.get("/segments")
    headers = {"HX-Request": "true"}
    part = marketer.client.post("/segments/build", data=form, headers=headers).get_data(as_text=True)
    assert part.strip().startswith('<div id="builder"')
    assert "<noscript>" not in part
    numbers = marketer.client.post("/segments/numbers", data=form, headers=headers).get_data(as_text=True)
    assert 'id="count-r1" hx-swap-oob="true"' in numbers
    assert "load," not in numbers, "it would ask for ever"
    outline = marketer.get(f"{stored(peopled, 'B')}/outline", htmx=True).get_data(as_text=True)
    assert outline.strip().startswith('<div id="outline"')
    assert "hx-trigger" not in outline


def test_a_damaged_form_is_refused_kindly(peopled: House) -> None:
    marketer = peopled.browser("marketer")
    for tokens in ([], ["r:r1"], ["g:g1", "g:g1"]):
        assert marketer.post("/segments/build", {"t": tokens}).status_code == 422
    assert (
        marketer.post("/segments/build", {"t": ["g:g1", "r:r1", "/"], "r1.field": "no_such_field"}).status_code == 200
    )


def test_who_may_do_what(peopled: House) -> None:
    url = stored(peopled)
    viewer = peopled.browser("viewer")
    assert viewer.get(url).status_code == 200
    assert "/edit" not in viewer.get(url).get_data(as_text=True)
    assert viewer.get(f"{url}/edit").status_code == 403
    assert viewer.get("/segments/new").status_code == 403
    assert viewer.post(f"{url}/archive").status_code == 403
    assert viewer.post(f"{url}/recount").status_code == 303


def test_what_cannot_be_counted_any_more_can_still_be_read_and_mended(peopled: House) -> None:
    url = stored(peopled)
    with peopled.unit() as session:
        session.execute(text("DELETE FROM property_definitions"))
    marketer = peopled.browser("marketer")
    for path in ("", "/outline", "/contacts", "/why", "/history"):
        assert marketer.get(url + path).status_code in (200, 409)
    assert marketer.get(url).status_code == 200
    builder = Builder(marketer, f"{url}/edit")
    assert "There is no such field." in builder.words
    assert builder.do("delete:r1").save().status_code == 303
