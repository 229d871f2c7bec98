"""People are put into a flow from its page and from a contact's, after one has seen what would happen."""

import re
from uuid import UUID

import pytest

from tests.api.test_contacts import Caller
from tests.factories import people
from tests.factories.flows import flow, step
from tests.web.flows import Flows, flows, words

__all__ = ["flows"]


@pytest.fixture
def url(flows: Flows) -> str:
    with flows.bank.unit() as session:
        return f"/flows/{flow(session, step('wait', 'wait', days=1), name='By hand').id}"


def test_one_sees_who_would_enter_before_it_is_done(flows: Flows, url: str) -> None:
    omar = flows.bank.browser("operator")
    assert "Put people in" in words(omar.get(url))
    assert "See first who would enter" in words(omar.get(f"{url}/put-in"))
    shown = omar.post(f"{url}/put-in/look", {"people": "1, 2\n3; nobody"})
    assert "Would enter 1 , 2 , 3 3 All who are meant 3" in words(shown)
    assert "These name nobody and are left out: nobody" in words(shown)
    ids = re.findall(r'name="contact" value="([^"]+)"', shown.get_data(as_text=True))
    assert len(ids) == 3
    assert omar.post(f"{url}/put-in", {"contact": ids}).status_code == 303
    assert "3 people entered." in words(omar.get(f"{url}/people"))
    again = words(omar.post(f"{url}/put-in/look", {"people": "1"}))
    assert "are on the way in it now 1 1" in again
    assert "Nobody would enter." in again


def test_twenty_of_each_group_are_named(flows: Flows, url: str) -> None:
    with flows.bank.unit() as session:
        people.contacts(session, 25, start=800)
    shown = flows.bank.browser("operator").post(f"{url}/put-in/look", {"people": ",".join(map(str, range(800, 825)))})
    assert "818 , 819 and 5 more 25" in words(shown)
    assert "820" not in words(shown).split("All who are meant")[0].split("Would enter")[1]


def test_what_cannot_be_is_said_at_its_field(flows: Flows, url: str) -> None:
    omar = flows.bank.browser("operator")
    empty = omar.post(f"{url}/put-in/look", {"people": " , "})
    assert (empty.status_code, "Name the people: at least one." in words(empty)) == (422, True)
    many = omar.post(f"{url}/put-in/look", {"people": ",".join(map(str, range(1200)))})
    assert many.status_code == 422
    assert omar.post(f"{url}/put-in", {"contact": ["x"]}).status_code == 422
    assert flows.bank.browser("viewer").get(f"{url}/put-in").status_code == 403
    assert omar.post(f"{flows.url}/put-in/look", {"people": "1"}).status_code == 409


def test_a_contact_is_put_in_from_his_page(flows: Flows, url: str) -> None:
    omar = flows.bank.browser("operator")
    contact = re.search(r"/contacts/([0-9a-f-]{36})", omar.get("/contacts").get_data(as_text=True))
    assert contact
    marketer = flows.bank.browser("marketer")
    link = re.search(r'href="(/flows/put-in\?who=[^"]+)"', marketer.get(contact[0]).get_data(as_text=True))
    assert link
    chosen = re.search(rf'href="({url}/put-in\?who=[^"]+)"', marketer.get(link[1]).get_data(as_text=True))
    assert chosen
    form = marketer.get(chosen[1]).get_data(as_text=True)
    number = re.search(r'name="people"[^>]*>\s*(\w+)', form)
    assert number
    assert marketer.get(f"{url}/put-in?who={UUID(int=1)}").status_code == 404


def test_the_same_over_rest(flows: Flows, url: str) -> None:
    omar = Caller(flows.bank, "operator")
    body = {"people": ["1", "2", "nobody"]}
    look = omar.data("POST", f"{url}/trigger/preview", body)
    assert (look["would_enter"], look["unknown"], look["verdicts"]) == (2, ["nobody"], {"enters": 2})
    assert look["judged"] == {"enters": look["contacts"]}
    assert omar("POST", f"{url}/trigger", body).status_code == 422
    assert omar.data("POST", f"{url}/trigger", {"contacts": look["contacts"]}) == {"entered": 2}
    nobody_there = omar("POST", f"{url}/trigger", {"segment": str(flows.segment)})
    assert (nobody_there.status_code, omar("POST", f"{url}/trigger", {"segment": look["contacts"][0]}).status_code) == (
        422,
        404,
    )
