"""The page of a system that flows tell something, and trying it."""

import pytest

from app.core import clock
from app.domain.flows import destinations
from app.domain.flows.destinations import DestinationInput
from app.domain.flows.models import FlowDestination
from tests.api.test_contacts import Caller
from tests.web.flows import Flows, flows, words

__all__ = ["flows"]


@pytest.fixture
def url(flows: Flows) -> str:
    """A system at which nobody answers."""
    maya = flows.bank.staff["marketer"]
    with flows.bank.unit("marketer") as session:
        new = DestinationInput(name="CRM", url="http://127.0.0.1:9/in", fields=("city",))
        made, _secret = destinations.register(session, new, by=maya)
        return f"/flows/destinations/{made.id}"


def approved(flows: Flows, url: str) -> None:
    with flows.bank.unit() as session:
        session.get_one(FlowDestination, url.rsplit("/", maxsplit=1)[-1]).approved_at = clock.now()


def test_a_system_is_tried_as_soon_as_two_have_agreed(flows: Flows, url: str) -> None:
    maya = flows.maya()
    assert url in maya.get("/flows/destinations").get_data(as_text=True)
    assert "as soon as a second person has approved it" in words(maya.get(url))
    assert maya.post(f"{url}/test").status_code == 409
    approved(flows, url)
    assert "Call it now" in words(maya.get(url))
    shown = words(maya.post(f"{url}/test", htmx=True))
    assert "No connection to 127.0.0.1" in shown
    assert '"test": true' in shown
    viewer = flows.bank.browser("viewer")
    assert "Call it now" not in words(viewer.get(url))
    assert viewer.post(f"{url}/test").status_code == 403


def test_the_same_over_rest_and_not_too_often(flows: Flows, url: str) -> None:
    approved(flows, url)
    maya = Caller(flows.bank, "marketer")
    found = maya.data("POST", f"{url}/test")
    assert (found["is_taken"], found["status"], found["sent"]["contact"]) == (False, None, {"city": "Haifa"})
    assert found["problem"].startswith("No connection to 127.0.0.1")
    answers = [maya("POST", f"{url}/test").status_code for _n in range(10)]
    assert answers[-1] == 429
