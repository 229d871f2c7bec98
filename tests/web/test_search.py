"""The search palette: what it finds, for whom, and what it never says."""

import re

from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser


def found(browser: Browser, words: str) -> list[str]:
    """The labels of the rows, in order."""
    answer = browser.post("/search/results", {"q": words}, htmx=True)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return re.findall(r'role="option".*?<bdi>(.*?)</bdi>', answer.text)


def test_it_finds_pages_things_and_numbers(campaigns: Campaigning) -> None:
    campaigns.draft(name="Spring savings")
    with campaigns.bank.unit("marketer") as session:
        new = SegmentInput(name="Savers of the spring", definition={"where": {"all": []}})
        library.create(session, new, by=campaigns.bank.staff["marketer"])
    marketer = campaigns.bank.browser("marketer")
    assert found(marketer, "SPRING") == ["Spring savings", "Savers of the spring"]
    assert found(marketer, "an sms") == ["An SMS"]
    assert found(marketer, "segm") == ["Segments"]
    assert found(marketer, "1") == ["1", "10", "11", "12", "13"]
    assert found(marketer, "12") == ["12"]
    assert "Nothing found." in marketer.post("/search/results", {"q": "%"}, htmx=True).text
    assert found(marketer, "\x00" * 3 + "segm\x00") == ["Segments"]
    assert found(marketer, "") == []


def test_pages_are_found_in_both_languages_and_only_those_one_may_see(campaigns: Campaigning) -> None:
    marketer, viewer = campaigns.bank.browser("marketer"), campaigns.bank.browser("viewer")
    marketer.client.set_cookie("carillon_locale", "he")
    assert found(marketer, "קמפ") == ["קמפיינים"]
    assert found(marketer, "campaigns") == ["קמפיינים"]
    assert found(viewer, "provid") == []
    assert found(marketer, "provid") == ["ספקים"]


def test_people_are_found_by_their_names_and_shown_masked(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    assert found(marketer, "dana12 le") == ["D••• L••• · 12"]
    assert len(found(marketer, "levi")) == 5
    viewer = campaigns.bank.browser("viewer")
    assert found(viewer, "dana12") == ["D••• L••• · 12"]


def test_nobody_is_named_and_nothing_typed_stands_in_an_address(campaigns: Campaigning) -> None:
    marketer = campaigns.bank.browser("marketer")
    for typed in ("+972522000001", "client1@mail.example"):
        assert found(marketer, typed) == []
    page = marketer.post("/search/results", {"q": "Dana11"})
    assert page.text.count("Dana") == page.text.count('value="Dana11"'), "only what was typed is there"
    assert 'href="/contacts/' in page.text
    assert 'method="post" action="/search/results"' in marketer.get("/").text
    assert marketer.get("/search?q=Dana").text.count("Dana") == 0
