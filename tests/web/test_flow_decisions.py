"""A colleague's decision about people in flows, as he finds it and answers it without script."""

import re
from typing import Any

import pytest

from tests.api.test_contacts import Caller
from tests.factories import people
from tests.factories.flows import branch, enter, flow, path, step, walk
from tests.web.flows import Flows, flows, words

__all__ = ["flows"]
WAYS = [branch("approved", label="Let them"), branch("rejected", label="Not now")]


class Asking:
    """A flow that asks the operator about two people."""

    def __init__(self, flows: Flows) -> None:
        self.bank = flows.bank
        with self.bank.unit() as session:
            made = flow(session, step("ask", "review", WAYS, role="operator", question="Is it right?"), name="Loans")
            enter(session, made, people.contacts(session, 2, start=700))
            self.url = f"/flows/{made.id}"
        with self.bank.unit() as session:
            walk(session)

    def runs(self, page: Any) -> list[str]:
        return re.findall(r'name="run" value="([^"]+)"', page.get_data(as_text=True))

    def path(self, run: str) -> list[str]:
        from uuid import UUID

        with self.bank.unit() as session:
            return path(session, UUID(run))


@pytest.fixture
def asking(flows: Flows) -> Asking:
    return Asking(flows)


def test_who_is_asked_finds_it_wherever_work_waits(asking: Asking) -> None:
    omar = asking.bank.browser("operator")
    for page in ("/", "/approvals"):
        assert "2 people wait for your decision: Is it right?" in words(omar.get(page)), page
    assert "1 approval waits" in omar.get("/approvals/bell").get_data(as_text=True)
    maya = asking.bank.browser("marketer")
    assert "wait for your decision" not in words(maya.get("/"))
    assert "Nobody waits for you" in words(maya.get("/flows/decisions"))
    shown = words(maya.get(f"{asking.url}/decisions"))
    assert "asked: Operator" in shown
    assert "Another role is asked here." in shown


def test_some_are_decided_at_once_with_a_reason(asking: Asking) -> None:
    omar = asking.bank.browser("operator")
    page = omar.get("/flows/decisions")
    assert "Let them" in words(page)
    first, second = asking.runs(page)
    nobody = omar.post("/flows/decisions", {"do": "approved", "reason": "Right."})
    assert (nobody.status_code, "Tick the people" in words(nobody)) == (422, True)
    no_reason = omar.post("/flows/decisions", {"do": "approved", "run": [first], "reason": " "})
    assert (no_reason.status_code, "Say why, in a few words." in words(no_reason)) == (422, True)
    assert f'value="{first}" checked' in no_reason.get_data(as_text=True)
    assert omar.post("/flows/decisions", {"do": "approved", "run": [first], "reason": "Right."}).status_code == 303
    late = omar.post("/flows/decisions", {"do": "rejected", "run": [first, second], "reason": "Wrong."})
    assert late.status_code == 303
    assert "Decided about 1 person. 1 did not wait any more." in words(omar.get("/flows/decisions"))
    again = omar.post("/flows/decisions", {"do": "rejected", "run": [second], "reason": "Once more."})
    assert (again.status_code, "None of these people waits" in words(again)) == (409, True)
    with asking.bank.unit() as session:
        walk(session)
    assert "passed ask approved" in asking.path(first)
    assert "passed ask rejected" in asking.path(second)
    assert "Was approved by" in words(omar.get(f"{asking.url}/people/{first}"))
    assert "Was refused by" in words(omar.get(f"{asking.url}/people/{second}"))


def test_another_role_cannot_answer(asking: Asking) -> None:
    run = asking.runs(asking.bank.browser("operator").get("/flows/decisions"))[0]
    maya = asking.bank.browser("marketer")
    assert maya.post("/flows/decisions", {"do": "approved", "run": [run], "reason": "Let me."}).status_code == 403
    assert maya.post("/flows/decisions", {"do": "approved", "run": ["x" * 36], "reason": "Who?"}).status_code == 422


def test_the_same_over_rest(asking: Asking) -> None:
    omar = Caller(asking.bank, "operator")
    [question] = omar.data("GET", "/flows/questions")
    assert (question["question"], question["people"], question["role"]) == ("Is it right?", 2, "operator")
    assert omar.data("GET", "/dashboard")["waiting"]["questions"] == [question]
    waiting = omar.data("GET", "/flows/decisions")
    assert [one["step"] for one in waiting] == ["ask", "ask"]
    flow_id = asking.url.split("/")[-1]
    assert omar.data("GET", f"/flows/decisions?flow={flow_id}") == waiting
    body = {"runs": [one["run"] for one in waiting], "approved": False, "reason": "Not now."}
    assert Caller(asking.bank, "marketer")("POST", "/flows/decisions", body).status_code == 403
    assert omar("POST", "/flows/decisions", body | {"runs": []}).status_code == 422
    assert omar("POST", f"/flows/{flow_id}/runs/decide", body | {"runs": []}).status_code == 422
    assert omar.data("POST", "/flows/decisions", body) == {"people": 2}
    assert omar("POST", f"/flows/{flow_id}/runs/decide", body).status_code == 409
    assert omar.data("GET", "/flows/questions") == []
