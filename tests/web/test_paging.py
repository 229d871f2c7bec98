"""Long lists: pages, and how many rows they show."""

import re

from tests.factories import people
from tests.web.pages import House


def rows(page: str) -> int:
    return len(re.findall(r'<tr><th scope="row">', page))


def test_a_browser_keeps_the_number_of_rows_it_chose(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 60)
    marketer = bank.browser("marketer")
    page = marketer.get("/contacts").get_data(as_text=True)
    assert rows(page) == 25
    (chosen,) = re.findall(r'<a class="num" href="([^"]*)"[^>]*>50</a>', page)
    page = marketer.get(chosen).get_data(as_text=True)
    assert rows(page) == 50
    assert re.search(r'aria-current="true"[^>]*>50</a>', page)
    assert rows(marketer.get("/contacts").get_data(as_text=True)) == 50
    (next_page,) = re.findall(r'rel="next" href="([^"]*)"', page)
    assert rows(marketer.get(next_page.replace("&amp;", "&")).get_data(as_text=True)) == 10
    assert rows(bank.browser("viewer").get("/contacts").get_data(as_text=True)) == 25


def test_a_size_that_is_not_offered_is_not_kept(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 30)
    marketer = bank.browser("marketer")
    assert rows(marketer.get("/contacts?per_page=7").get_data(as_text=True)) == 7
    assert rows(marketer.get("/contacts").get_data(as_text=True)) == 25
    assert marketer.get("/contacts?per_page=many").status_code == 422
    marketer.client.set_cookie("carillon_rows", "9" * 3000)
    assert rows(marketer.get("/contacts").get_data(as_text=True)) == 25


def test_a_short_list_offers_no_sizes(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 25)
    assert "Rows on a page" not in bank.browser("marketer").get("/contacts").get_data(as_text=True)
