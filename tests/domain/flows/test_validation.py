"""What keeps a flow from running, by step and path."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core.errors import Invalid
from app.domain.flows import destinations, lifecycle, validation
from app.domain.flows.destinations import DestinationInput
from app.domain.flows.models import Flow
from tests.domain.flows.journeys import Bank


def found(session: Session, flow: Flow, level: str = "error") -> list[tuple[str, str]]:
    return [(one.step, one.path) for one in validation.problems(session, flow) if one.level == level]


def flow_of(bank: Bank, *lane: dict[str, Any], **whole: Any) -> Flow:
    return bank.flow(definition=bank.definition(*lane, **whole))


def step(kind: str, step_id: str = "s1", branches: list[dict[str, Any]] | None = None, **config: Any) -> dict[str, Any]:
    return {"id": step_id, "type": kind, "config": config} | ({"branches": branches} if branches else {})


def test_a_flow_that_is_set_up_has_no_problems(session: Session, bank: Bank) -> None:
    assert validation.problems(session, bank.flow()) == []


def test_an_empty_flow_says_so(session: Session, bank: Bank) -> None:
    flow = bank.flow(definition={"trigger": {"type": "segment_enter"}})
    assert found(session, flow) == [("trigger", "trigger.config.segment_id"), ("", "lane")]
    with pytest.raises(Invalid) as refused:
        lifecycle.submit(session, flow.id, by=bank.maya)
    assert {issue.field for issue in refused.value.details} == {"trigger.config.segment_id", "lane"}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("send_sms", ["template_id"]), ("update_contact", ["set"]), ("tag", ["add"]), ("webhook", ["destination_id"]),
        ("wait", ["days"]), ("wait_until", ["at"]), ("wait_for", ["event"]), ("goal", ["event"]),
        ("go_to", ["target"]), ("notify", ["role", "text"]), ("review", ["role"]),
    ],
)  # fmt: skip
def test_a_step_that_is_not_set_up_names_what_is_missing(
    session: Session, bank: Bank, kind: str, names: list[str]
) -> None:
    assert found(session, flow_of(bank, step(kind))) == [("s1", f"lane[0].config.{name}") for name in names]


def test_a_text_has_to_be_there_for_its_channel_and_fit_to_be_sent(session: Session, bank: Bank) -> None:
    for template in (uuid4(), bank.template_id):
        flow = bank.flow(f"To {template}", bank.definition(step("send_email", template_id=str(template))))
        assert ("s1", "lane[0].config.template_id") in found(session, flow)
    unmarked = bank.text("Buy now. Reply STOP to stop", "Unmarked")
    flow = bank.flow("Unmarked", bank.definition(step("send_sms", template_id=str(unmarked))))
    assert found(session, flow) == []  # a service text needs no marks


def test_a_channel_without_a_provider_is_named(session: Session, bank: Bank) -> None:
    bank.account.is_enabled = False
    assert found(session, bank.flow()) == [("s1", "lane[0]")]


def test_a_split_needs_conditions_that_hold(session: Session, bank: Bank) -> None:
    nothing = {"kind": "field", "field": "properties.gone", "op": "is_set"}
    branches = [{"key": "b1"}, {"key": "b2", "when": nothing}]
    assert found(session, flow_of(bank, step("split", branches=branches))) == [
        ("s1", "lane[0].branches[0].when"), ("s1", "lane[0].branches[1].when.where.field"),
    ]  # fmt: skip
    alone = bank.flow("Alone", bank.definition(step("split", branches=[{"key": "else"}])))
    assert found(session, alone) == [("s1", "lane[0].branches")]


def test_the_shares_of_a_draw_are_a_hundred(session: Session, bank: Bank) -> None:
    shares = [{"key": "a", "percent": 50}, {"key": "b", "percent": 49}]
    assert found(session, flow_of(bank, step("ab_split", branches=shares))) == [("s1", "lane[0].branches")]


def test_what_stands_behind_an_end_is_never_reached_but_a_goal_is(session: Session, bank: Bank) -> None:
    flow = flow_of(bank, step("exit"), step("tag", "s2", add=["x"]), step("goal", "s3", did="clicked"))
    assert found(session, flow) == [("s2", "lane[1]")]
    both = [
        {"key": "b1", "when": {"all": []}, "lane": [step("exit", "s2")]},
        {"key": "else", "lane": [step("exit", "s3")]},
    ]
    flow = bank.flow("Both", bank.definition(step("split", branches=both), step("tag", "s4", add=["x"])))
    assert found(session, flow) == [("s4", "lane[1]")]


def test_a_circle_needs_a_wait(session: Session, bank: Bank) -> None:
    around = [step("tag", add=["x"]), step("go_to", "s9", target="s1")]
    assert found(session, flow_of(bank, *around)) == [("s9", "lane[1].config.target")]
    waited = bank.definition(around[0], step("wait", "s2", hours=1), around[1])
    assert found(session, bank.flow("Waited", waited)) == []


def test_a_jump_and_a_message_that_is_waited_for_are_there(session: Session, bank: Bank) -> None:
    flow = flow_of(bank, step("wait_for", did="opened", step="s7"), step("go_to", "s2", target="s8"))
    assert found(session, flow) == [("s1", "lane[0].config.step"), ("s2", "lane[1].config.target")]


def test_a_destination_needs_a_second_person(session: Session, bank: Bank) -> None:
    new = DestinationInput(name="CRM", url="https://crm.example/hook")
    destination, secret = destinations.register(session, new, by=bank.maya)
    flow = flow_of(bank, step("webhook", destination_id=str(destination.id)))
    assert found(session, flow) == [("s1", "lane[0].config.destination_id")]
    assert destination.approval_id
    destinations.carry_out(session, destination.approval_id, by=bank.adam)
    assert found(session, flow) == []
    assert destinations.secret_of(session, destination) == secret


def test_only_some_fields_can_be_set(session: Session, bank: Bank) -> None:
    flow = flow_of(bank, step("update_contact", set={"city": "Haifa", "email": "x@y.example", "properties.none": 1}))
    assert [path for _, path in found(session, flow)] == [
        "lane[0].config.set.email", "lane[0].config.set.properties.none",
    ]  # fmt: skip


def test_an_event_nobody_has_sent_is_only_a_hint(session: Session, bank: Bank) -> None:
    flow = bank.flow(definition=bank.definition(trigger={"type": "event", "config": {"event": "login"}}))
    assert found(session, flow) == []
    assert found(session, flow, "hint") == [("trigger", "trigger.config.event")]


def test_what_nobody_can_be_seen_to_do_is_a_hint(session: Session, bank: Bank) -> None:
    """A text by SMS is not opened, as far as anybody knows."""
    sms = step("send_sms", template_id=str(bank.template_id))
    flow = flow_of(bank, sms, step("wait_for", "s2", did="opened"))
    assert found(session, flow, "hint") == [("s2", "lane[1].config.did")]
    unfinished = bank.flow("Unfinished", bank.definition(step("send_email"), step("wait_for", "s2", did="opened")))
    assert found(session, unfinished, "hint") == []
